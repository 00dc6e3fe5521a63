"""A real Kafka on this machine, without Docker: brokers from Kafka's published libraries, on loopback.

In the order in which a cluster starts (`crs-monitor kafka up`):
data_directory.py      the directory of one cluster: its lock, and where the running cluster is
libraries.py           Java and Kafka's libraries, fetched once with Maven by deploy/kafka/pom.xml
identity.py            the cluster's id and ports, stored in the directory
server_properties.py   the settings file of one broker
cluster.py             the brokers as child processes, which tests kill, pause and start again

Never here: anything that a service needs; a ward has a cluster of its own.
"""
