"""The whole system while it runs: rules, Alertmanager, history and metrics show it, and none of them a patient."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import create_engine, text

from agents.dispatch.pagers.alertmanager import ALERT_NAME, ALIVE_NAME
from schemas.topics import PATIENT_STATE
from tests.deploy.feed_simulator import PATIENTS
from tests.deploy.system import System


def firing(system: System) -> dict[str, str]:
    """Names of the rules that fire, with their severities."""
    found = system.query('ALERTS{alertstate="firing"}')
    return {sample["metric"]["alertname"]: sample["metric"]["severity"] for sample in found}


def ids(system: System) -> set[str]:
    with create_engine(system.database_url).connect() as connection:
        return set(connection.execute(text("SELECT patient_id FROM patients")).scalars())


def test_a_ward_has_fallen_ill(system: System) -> None:
    """Otherwise the tests of the dashboards would pass on empty panels."""
    for expression in (
        'sum(crs_patients{grade=~"3|4"})',
        'sum(crs_open_alerts{priority="high"})',
        "sum(crs_doses_due)",
        "sum(crs_acknowledge_seconds_count)",
        "sum(crs_dead_letters_total)",
        'sum(crs_pages_total{outcome="taken"})',
    ):
        assert sum(float(sample["value"][1]) for sample in system.query(expression)) > 0, expression


def test_a_healthy_system_fires_crs_alive_and_nothing_critical(system: System) -> None:
    system.until(lambda: firing(system).get("CrsAlive") == "none", "CrsAlive does not fire")
    system.until(lambda: "critical" not in firing(system).values(), f"{firing(system)} fire")


def test_a_healthy_worker_has_no_fence(system: System) -> None:
    assert sum(float(sample["value"][1]) for sample in system.query("sum(crs_fences_total) or vector(0)")) == 0


def test_alertmanager_shows_patients_alerts_and_both_heartbeats(system: System) -> None:
    def shown() -> set[tuple[str, str]]:
        alerts = system.get("alertmanager", "/api/v2/alerts")
        return {(alert["labels"]["alertname"], receiver["name"]) for alert in alerts for receiver in alert["receivers"]}

    wanted = {(ALERT_NAME, "clinicians"), (ALIVE_NAME, "watchdog"), ("CrsAlive", "watchdog")}
    system.until(lambda: wanted <= shown(), "Alertmanager lacks some of them")


def test_a_higher_level_inhibits_the_lower_one(system: System) -> None:
    """A patient whose grade rose to 3 has no active warning of grade 2 beside it."""
    escalations: dict[str, set[tuple[str, str]]] = {}
    for alert in system.get("alertmanager", "/api/v2/alerts"):
        if alert["labels"].get("kind") == "escalation":
            state = (alert["labels"]["severity"], alert["status"]["state"])
            escalations.setdefault(alert["labels"]["reference"], set()).add(state)
    assert escalations
    assert not [s for s in escalations.values() if {("critical", "active"), ("warning", "active")} <= s]


def test_the_history_holds_the_states_of_the_topic(system: System) -> None:
    def is_complete() -> bool:
        wanted = last_states(system)
        with create_engine(system.database_url).connect() as connection:
            rows = connection.execute(text("SELECT patient_id, log_offset, grade, peak_grade FROM patients")).all()
        found = {row.patient_id: (row.log_offset, row.grade, row.peak_grade) for row in rows}
        return len(found) >= PATIENTS and all(found.get(patient) == state for patient, state in wanted.items())

    assert system.feeds is not None
    with system.feeds.paused():
        system.until(is_complete, "the history differs from the topic", seconds=120)


def last_states(system: System) -> dict[str, tuple[int, int, int]]:
    """The newest state of every patient that the topic still has: an embedded broker keeps few messages."""
    consumer = Consumer(system.connection() | {"group.id": "looking"})
    topic = system.settings.topic(PATIENT_STATE)
    parts = [TopicPartition(topic, number) for number in range(system.settings.partitions)]
    marks = [consumer.get_watermark_offsets(part) for part in parts]
    consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in enumerate(marks)])
    ends = sum(high - low for low, high in marks)
    found: dict[str, tuple[int, int, int]] = {}
    read = 0
    while read < ends:
        messages = consumer.consume(500, 1.0)
        if not messages:
            break  # The broker has dropped some meanwhile; the caller asks again.
        for message in messages:
            if message.error() is None:
                read += 1
                state: dict[str, Any] = json.loads(message.value() or b"{}")
                found[state["patient_id"]] = (state["log_offset"], state["grade"], state["peak_grade"])
    consumer.close()
    return found


@pytest.mark.parametrize("name", ["worker", "dispatch", "history", "board"])
def test_no_metric_names_a_patient(system: System, name: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{system.ports[name]}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    assert not [patient_id for patient_id in ids(system) if patient_id in page]


def test_no_log_and_no_page_names_a_patient(system: System) -> None:
    paged = json.dumps(system.get("alertmanager", "/api/v2/alerts"))
    for name in system.logs:
        assert not [patient_id for patient_id in ids(system) if patient_id in system.logs[name].read_text()], name
    assert not [patient_id for patient_id in ids(system) if patient_id in paged]
