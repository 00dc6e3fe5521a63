"""The worker process, in the order of a message: feeds into the log, the log into alerts, patient states and rows.

worker.py            the process: starts everything, readiness, leaving, fail stop
faust_app.py         the Faust app: recovery of rows, all settings of Faust
membership.py        the worker as a member of its group: its name, and whether it still takes part
faust_transport.py   Faust's consumer, changed to deliver batches and to seek to our markers
batch.py             records of one partition as one message of Faust; eager_start.py delivers it without a task
faust_store.py       the rows that Faust recovers from the changelog
intake.py            feed topics: refuse what is no event, append the rest to the log
held_feeds.py        feed partitions that wait until every worker can read an event
log_formats.py       what the worker of each partition can read, by its heartbeats
ticker.py            one tick a second into every partition of the log
watch.py             the log: judge each batch, publish, write rows and marker, acknowledge
owned_partition.py   one partition of the log while this worker owns it
publication.py       what a judged batch sends: alerts, forwards, dead letters, heartbeats, patient states
producer.py          every write is confirmed by the brokers, or the process ends
metrics.py           what a worker counts
ward_collector.py    the ward in numbers, counted at each scrape

Never here: a clinical decision (engine, monitor), or a page (dispatch).
"""
