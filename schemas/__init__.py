"""What crosses a wire: pydantic models, the topics, and the tables that depend on nothing else.

In:   decode.py (bytes → decoded.py: an event, or a reason)  refusal.py (the reason in words)
      respelling.py (other spellings, for the models)  instants.py (ISO 8601)  checks.py (more than one field)
      events.py  patient_event.py (what each carries; voids)  assessments.py  labs.py  field_types.py (words, ranges)
      system_records.py (what only workers write)
Out:  alerts.py  state.py  heartbeats.py  dead_letters.py  trusted.py (models from values of our own)
Both: topics.py (every topic: key, writer, reader, retention)  log_format.py (who can read which event)
      export.py → json/ (generated JSON Schemas)
      signals.py (what an observation may carry)  scales.py (named grading scales)
      alert_kinds.py (all that depends on the kind of an alert)  wording.py (signals and doses in words)

Never here: a clinical rule, a clock, I/O, an import beyond the standard library and pydantic.
"""
