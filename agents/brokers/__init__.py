"""Topics and brokers as a whole: do they exist as they should, and brokers of our own for tests.

For every command:
topic_specs.py    the topics as the settings want them
preflight.py      before a command works: brokers answer, its topics exist, partitions agree
topic_reading.py  a partition from its beginning, with a consumer that it is given
topic_admin.py    compares topics with the wanted ones and creates the missing (kafka-python)

For the demonstration and tests; no service imports these:
embedded.py       a mock cluster in a child process, with faults to inject
mock_cluster.py   librdkafka's mock cluster, called by ctypes
local_kafka/      a real Kafka on this machine's Java

Never here: a consumer or producer (each process has its own), or a topic altered.
"""
