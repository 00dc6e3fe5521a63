"""Writes what the topics say about every patient to a database: state changes, episodes, doses, vitals, alerts.

`sink` reads patient-state and alerts from Kafka. `parse` turns each message into a state or an alert row, or names the
reason to skip it. `state_diff` compares a state with what was last written and gives the new `rows`. `store` writes
them with the Kafka offsets in one transaction. `tables` defines the tables, `migrations` creates them, `database`
connects, `metrics` holds the metrics.

Nothing is judged here, and nothing is written to Kafka but committed offsets.
"""
