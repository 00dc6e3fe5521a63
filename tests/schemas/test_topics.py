"""The topic table is the wire contract's: other systems rely on every cell."""

from __future__ import annotations

from schemas import topics

TABLE = """
vitals          patient_id          delete   7     vitals
medications     patient_id          delete   7     medication
patients        patient_id          delete   30    patient
assessments     patient_id          delete   30    assessment
labs            patient_id          delete   30    labs
patient-events  patient_id          delete   60    -
patient-state   patient_id          compact  -     -
alerts          patient_id          delete   60    -
dead-letters    patient_id_or_null  delete   60    -
heartbeats      null                delete   1     -
"""


def test_the_table() -> None:
    rows = [
        (t.name, t.key.replace(" ", "_"), t.cleanup, str(t.retention_days or "-"), t.default_type or "-")
        for t in topics.TOPICS
    ]
    assert rows == [tuple(line.split()) for line in TABLE.strip().splitlines()]


def test_a_prefix_makes_the_name_on_the_broker() -> None:
    assert topics.PATIENT_EVENTS.full_name() == "crs.patient-events"
    assert {topic.full_name("ward7.") for topic in topics.TOPICS} == {"ward7." + topic.name for topic in topics.TOPICS}


def test_state_and_alerts_lie_beside_their_part_of_the_log() -> None:
    together = {topic.name for topic in topics.TOPICS if topic.co_partitioned}
    assert together == {"patient-events", "patient-state", "alerts", "heartbeats"}
