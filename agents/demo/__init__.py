"""The demonstration: the whole system on this machine, with story time running fast.

    run.py                 broker, worker, pager; the story; verify; the report; offline.py the same without a broker
    processes.py           starts and ends the processes; optional_services.py those that are installed
    scripted.py            the one made-up patient; schedule.py the stays and that patient, in story time
    story_clock.py         how fast story time runs
    kafka_client.py        sends events and ticks, reads alerts and the log
    board.py               the terminal view; pager.py a receiver of webhooks with a page of its own
    replay_report.py       the report of what was streamed

Never here: anything that a service needs; only cli and tests import this package.
"""
