"""What the dispatcher hears: alerts, heartbeats, nonsense, places, and what piled up while nobody listened."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from agents.dispatch import alert_consumer
from agents.dispatch.alert_consumer import AlertConsumer
from agents.dispatch.alert_reader import AlertReader, Backlog, ReceivedAlert, is_heartbeat, link_token, number
from agents.dispatch.patient_locations import PatientLocations
from agents.dispatch.public_alert import Location, reference
from tests.dispatch.ward import CANARY_DRUG, alert, alert_id

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
SECRET = b"a-secret-that-only-tests-know"


class Record(NamedTuple):
    """As a consumer gives it."""

    value: bytes | None
    offset: int = 0
    partition: int = 0
    timestamp: int = int(NOW.timestamp() * 1000)
    headers: tuple[tuple[str, bytes], ...] = ()


def heard(
    offset: int, name: str = "A", version: int = 1, minutes_ago: float = 0, status: str = "raised"
) -> ReceivedAlert:
    record = Record(alert("p1", name, version, status).model_dump_json().encode(), offset)
    found = AlertReader(SECRET, PatientLocations(), None, None).read(record, NOW - timedelta(minutes=minutes_ago))
    assert found is not None
    return found


def test_an_alert_becomes_what_may_be_told_with_bed_link_and_the_time_of_its_event() -> None:
    places = PatientLocations()
    places.take(0, b"p1", json.dumps({"context": {"unit": "7A", "bed": "12"}}).encode())
    reader = AlertReader(SECRET, places, "https://board.example/{alert_id}/{token}", b"key")
    record = Record(alert("p1", "A").model_dump_json().encode(), 7, headers=(("log_appended_ms", b"1700"),))
    found = reader.read(record, NOW)
    assert found is not None
    told, one = found.told, alert_id("p1", "A")
    assert (told.patient_id, told.offset, found.appended_ms) == ("p1", 7, 1700)
    assert (told.brief.unit, told.brief.bed, told.brief.reference) == ("7A", "12", reference(SECRET, "p1"))
    assert told.brief.link == f"https://board.example/{one}/{link_token(b'key', one)}"
    assert CANARY_DRUG not in repr(told.brief)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff", b'{"alert_id": "a"}'])
def test_what_cannot_be_read_is_no_alert(value: bytes | None) -> None:
    assert AlertReader(SECRET, PatientLocations(), None, None).read(Record(value), NOW) is None


def test_heartbeats_are_known_by_their_header() -> None:
    assert is_heartbeat(Record(b"{}", headers=(("kind", b"heartbeat"),)))
    assert not is_heartbeat(Record(b"{}", headers=(("kind", b"alert"), ("other", b"heartbeat"))))


def test_a_header_is_a_number_or_nothing() -> None:
    assert number([("n", b"12")], "n") == 12
    assert number([("n", b"-1")], "n") is None
    assert number([("m", b"12")], "n") is None


def test_an_alert_id_that_spells_out_the_patient_is_told_as_a_hash() -> None:
    spelled = alert("p1", "A").model_copy(update={"alert_id": "p1-escalation-1"})
    found = AlertReader(SECRET, PatientLocations(), None, None).read(Record(spelled.model_dump_json().encode()), NOW)
    assert found is not None
    assert "p1" not in found.told.brief.alert_id
    assert found.told.alert_id == "p1-escalation-1"  # an acknowledgement needs it


@pytest.mark.parametrize(
    ("state", "place"),
    [
        (b'{"context": {"unit": "7A", "bed": "12"}}', Location("7A", "12")),
        (b'{"context": {"unit": " ", "bed": 12}}', Location()),
        (b'{"context": {"unit": "7A of p1", "bed": "p1"}}', Location()),
        (b'{"context": {}}', Location()),
    ],
)
def test_a_place_is_words_that_may_leave_the_house(state: bytes, place: Location) -> None:
    places = PatientLocations()
    places.take(0, b"p1", state)
    assert places.of(0, "p1") == place


@pytest.mark.parametrize("state", [b"{", b"[]", b"{}", b'{"context": 7}', b"null"])
def test_a_state_that_cannot_be_read_leaves_the_place_as_it_was(state: bytes) -> None:
    places = PatientLocations()
    places.take(0, b"p1", b'{"context": {"unit": "7A", "bed": "12"}}')
    places.take(0, b"p1", state)
    assert places.of(0, "p1") == Location("7A", "12")
    places.take(0, b"p1", None)
    assert places.of(0, "p1") == Location()


def told(backlog: Backlog) -> list[tuple[int, int]]:
    return [(one.told.offset, one.told.brief.version) for one in backlog.all()]


def test_of_an_old_alert_only_the_last_word_is_told_of_a_new_one_every_word() -> None:
    backlog = Backlog(10, timedelta(minutes=2))
    for one in (heard(1, "A", 1, 60), heard(2, "B", 1, 1.9), heard(3, "A", 2, 30), heard(4, "B", 2, 1)):
        backlog.take(one, NOW)
    assert told(backlog) == [(2, 1), (3, 2), (4, 2)]


@dataclass
class Told:
    """Hands that only note."""

    versions: list[int] = field(default_factory=list)

    def tell(self, heard: ReceivedAlert, now: datetime) -> Any:
        self.versions.append(heard.told.brief.version)
        return asyncio.sleep(0)


def test_what_piled_up_is_told_when_all_of_it_was_read_or_when_the_rest_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play() -> None:
        hands = Told()
        ears = AlertConsumer(None, hands, AlertReader(SECRET, PatientLocations(), None, None), None)  # type: ignore[arg-type]
        records = [Record(alert("p1", "A", n).model_dump_json().encode(), n) for n in (1, 2, 3)]
        ears.own(0, timedelta(days=36500), 4)
        await asyncio.gather(*ears._hear(0, records[:2]), *ears._overdue())
        assert hands.versions == []
        await asyncio.gather(*ears._hear(0, records[2:]))
        assert hands.versions == [1, 2, 3]
        ears.own(0, timedelta(days=36500), 100)
        await asyncio.gather(*ears._hear(0, records[:1]))
        monkeypatch.setattr(alert_consumer, "BACKLOG_PATIENCE_SECONDS", -1.0)
        await asyncio.gather(*ears._overdue())
        assert hands.versions == [1, 2, 3, 1]
        assert ears.backlogs == {}

    asyncio.run(play())
