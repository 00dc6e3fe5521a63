"""Writes what the topics say about every patient to a database: state changes, episodes, doses, vitals, alerts.

    sink.py        reads patient-state and alerts from Kafka, and commits when a transaction is done
    parse.py       a message → a state or an alert, or the named reason to skip it
    state_diff.py  a state against what was last written → new rows (rows.py)
    store.py       the rows and their Kafka offsets in one transaction
    tables.py      the tables; migrations/ creates them, database.py connects
    metrics.py     progress and failures

Never here: a judgement; nothing is written to Kafka but committed offsets.
"""
