"""The pure judgement, applied to the records of a log: no clock, no sending, no broker connection.

In the order in which a record passes:
stamp.py          what intake adds to a feed's message before it goes into the log
log_time.py       when an event arrived, bounded by the broker's clock; whether it waited for a worker (ticks)
partitioning.py   which partition a patient belongs to
records.py        what a Kafka record looks like, whichever client read it
patients.py       from a decoded message to its judgement, what it changed, its dead letters; who is due at a tick
outcome.py        what a batch resulted in
partition.py      one partition of the log: each offset applied exactly once
changelog.py      rows and marker as records of the changelog topic
log_lines.py      a record of the log as a line of a file, and back
playback.py       recorded events as a log in memory, with the ticks that a live one would have had

Worker, `verify`, `rebuild`, `replay` and the demonstration all use these modules.

Never here: a clock, a log line, a metric, a message sent. Results are returned, and the processes act on them.
"""
