"""Workers of two builds on a real Kafka: events of a new type wait until the last worker of the older build is gone."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from schemas import topics
from tests.broker import Fresh
from tests.worker.worker_process import LEAVE_SECONDS, Feeds, eventually, worker

pytestmark = pytest.mark.kafka
PATIENTS = [f"p{number}" for number in range(12)]  # some in each partition of the feed


def test_notes_wait_for_the_older_worker_and_vitals_do_not(kafka_settings: Fresh, tmp_path: Path) -> None:
    settings = kafka_settings()
    feeds = Feeds(settings)

    def in_log(kind: str) -> set[str]:
        events = (json.loads(message.value()) for message in feeds.read(settings.topic(topics.PATIENT_EVENTS)))
        return {event["patient_id"] for event in events if kind in (event["type"], event.get("kind"))}

    with (
        worker(settings, tmp_path / "newer", module="tests.worker.newer_worker"),
        worker(settings, tmp_path / "older") as older,
    ):
        feeds.vitals(0, "first", spo2_percent=97)
        for name in ("newer", "older"):
            eventually((tmp_path / name / "worker.log").read_text, lambda text: "ready: 2 partitions" in text)
        for patient_id in PATIENTS:
            feeds.send(topics.ASSESSMENTS, 1, patient_id, kind="note", text="new")
            feeds.vitals(2, patient_id, spo2_percent=97)
        eventually(lambda: in_log("vitals"), lambda found: found >= set(PATIENTS))
        eventually(
            (tmp_path / "newer" / "worker.log").read_text, lambda text: "not every worker reads type note" in text
        )
        # The older worker knows notes, so those of its own feed partitions are in the log.
        waiting = set(PATIENTS) - in_log("note")
        assert waiting, "held by the newer worker"
        feeds.vitals(3, "later", spo2_percent=97)
        eventually(lambda: in_log("vitals"), lambda found: "later" in found)
        assert waiting == set(PATIENTS) - in_log("note"), "still held"
        older.send_signal(signal.SIGTERM)
        assert older.wait(LEAVE_SECONDS) == 0
        eventually(lambda: in_log("note"), lambda found: found == set(PATIENTS))
