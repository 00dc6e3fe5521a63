"""A real Kafka on this machine, without Docker: brokers from its own published libraries, on loopback."""

from agents.brokers.local_kafka.cluster import Cluster

__all__ = ["Cluster"]
