"""Replays the log offline and compares it with what the live system wrote.

`verification.py` is the whole run. Data passes in this order:

- in: `reader.py` (the interface), `kafka_reader.py` (brokers); `snapshot.py` waits for rows as of a marker;
  `live_partition.py` holds the rows, alerts and states of one partition, `published.py` the alerts and states
- checks: `partition_check.py` replays a partition; `feeds_check.py` compares the feeds, the dead letters and the ledger
  with the log; `difference.py` compares two values, `set_comparison.py` two sets that do not fit in memory
- out: `findings.py` counts breaches, `report.py` prints them, `progress_bar.py` shows the progress,
  `log_export.py` writes the checked records to a file
- `rebuild.py` writes rows anew from the log, with `kafka_writer.py`

Never here: membership of the workers' consumer group, because it would take partitions from them. Only `rebuild.py`
writes to a topic.
"""
