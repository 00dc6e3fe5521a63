"""Replays the log offline and compares it with what the live system wrote: nothing lost, added or changed.

verification (the whole run) reads with kafka_reader, waits with snapshot, replays partitions with partition_check,
then feeds_check and set_comparison; findings -> report. rebuild writes rows anew from the log, with kafka_writer.
Nothing here joins the consumer group of the workers, and only rebuild writes.
"""
