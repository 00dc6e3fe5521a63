"""Delivery of alerts to people.

`dispatcher.py` is the process. Data passes in this order:

- in: `broker.py` (Kafka clients), `assignment.py` (rebalances), `topic_follower.py`, `alert_consumer.py`,
  `alert_reader.py`, `heartbeat_reader.py`, `patient_locations.py`; `callbacks.py`, `silences.py` (answers of people)
- decisions, without I/O: `paging.py` composes `case_store.py`, `pages.py`, `flood_guard.py`, `case_closer.py`,
  `alert_changes.py`, `system_alarms.py`, `escalation.py`, `heartbeat_monitor.py`
- out: `executor.py`, `delivery_log.py` (stored cases), `destination_queue.py`, `patient_queue.py`, `backoff.py`,
  `pager_calls.py`, `pagers/` (one module per kind of receiver); `assessments.py` (answers into the log), `metrics.py`
- values: `public_alert.py`, `page.py`, `model.py`, `commands.py`, `routing.py`; settings: `config.py`,
  `config_values.py`; for `crs-monitor ack`: `find_alert.py`

Never here: a clinical decision. A page never contains a patient id, a name, a drug or a vital value, and no page is
sent before the row of its case is confirmed.
"""
