"""Reading the alerts topic: alerts, heartbeats of build 0.1, unreadable records, locations, and a backlog."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from agents.dispatch import alert_consumer
from agents.dispatch.alert_consumer import AlertConsumer
from agents.dispatch.alert_reader import AlertReader, Backlog, ReceivedAlert, integer_header, link_token
from agents.dispatch.commands import PagingPolicy
from agents.dispatch.paging import Paging
from agents.dispatch.patient_locations import PatientLocations
from agents.dispatch.public_alert import Location, reference
from agents.dispatch.routing import Routing
from tests.dispatch.dispatcher_process import CANARY_DRUG, alert, alert_id

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
SECRET = b"a-secret-that-only-tests-know"
READER = AlertReader(SECRET, PatientLocations(), None, None)


class Record(NamedTuple):
    """As a consumer gives it."""

    value: bytes | None
    offset: int = 0
    partition: int = 0
    timestamp: int = int(NOW.timestamp() * 1000)
    headers: tuple[tuple[str, bytes], ...] = ()


def received(
    offset: int, name: str = "A", version: int = 1, minutes_ago: float = 0, status: str = "raised"
) -> ReceivedAlert:
    record = Record(alert("p1", name, version, status).model_dump_json().encode(), offset)
    found = READER.read(record, NOW - timedelta(minutes=minutes_ago))
    assert found is not None
    return found


def test_an_alert_becomes_a_public_alert_with_bed_link_and_the_time_of_its_event() -> None:
    locations = PatientLocations()
    locations.take(0, b"p1", json.dumps({"context": {"unit": "7A", "bed": "12"}}).encode())
    reader = AlertReader(SECRET, locations, "https://board.example/{alert_id}/{token}", b"key")
    record = Record(alert("p1", "A").model_dump_json().encode(), 7, headers=(("log_appended_ms", b"1700"),))
    found = reader.read(record, NOW)
    assert found is not None
    update, one = found.update, alert_id("p1", "A")
    assert (update.patient_id, update.offset, found.appended_ms) == ("p1", 7, 1700)
    assert (update.alert.unit, update.alert.bed, update.alert.reference) == ("7A", "12", reference(SECRET, "p1"))
    assert update.alert.link == f"https://board.example/{one}/{link_token(b'key', one)}"
    assert CANARY_DRUG not in repr(update.alert)


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff", b'{"alert_id": "a"}'])
def test_a_record_that_cannot_be_read_is_no_alert(value: bytes | None) -> None:
    assert READER.read(Record(value), NOW) is None


def test_a_header_is_a_number_or_nothing() -> None:
    assert integer_header([("n", b"12")], "n") == 12
    assert integer_header([("n", b"-1")], "n") is None
    assert integer_header([("m", b"12")], "n") is None


def test_an_alert_id_that_contains_the_patient_id_is_replaced_by_a_hash() -> None:
    spelled = alert("p1", "A").model_copy(update={"alert_id": "p1-escalation-1"})
    found = READER.read(Record(spelled.model_dump_json().encode()), NOW)
    assert found is not None
    assert "p1" not in found.update.alert.alert_id
    assert found.update.alert_id == "p1-escalation-1"  # an acknowledgement needs it


@pytest.mark.parametrize(
    ("state", "location"),
    [
        (b'{"context": {"unit": "7A", "bed": "12"}}', Location("7A", "12")),
        (b'{"context": {"unit": " ", "bed": 12}}', Location()),
        (b'{"context": {"unit": "7A of p1", "bed": "p1"}}', Location()),
        (b'{"context": {}}', Location()),
    ],
)
def test_a_location_contains_no_patient_id(state: bytes, location: Location) -> None:
    locations = PatientLocations()
    locations.take(0, b"p1", state)
    assert locations.of(0, "p1") == location


@pytest.mark.parametrize("state", [b"{", b"[]", b"{}", b'{"context": 7}', b"null"])
def test_a_state_that_cannot_be_read_leaves_the_location_as_it_was(state: bytes) -> None:
    locations = PatientLocations()
    locations.take(0, b"p1", b'{"context": {"unit": "7A", "bed": "12"}}')
    locations.take(0, b"p1", state)
    assert locations.of(0, "p1") == Location("7A", "12")
    locations.take(0, b"p1", None)
    assert locations.of(0, "p1") == Location()


def test_of_a_stale_alert_only_the_last_version_is_kept_of_a_new_one_every_version() -> None:
    backlog = Backlog(10, timedelta(minutes=2))
    for one in (received(1, "A", 1, 60), received(2, "B", 1, 1.9), received(3, "A", 2, 30), received(4, "B", 2, 1)):
        backlog.take(one, NOW)
    assert [(one.update.offset, one.update.alert.version) for one in backlog.all()] == [(2, 1), (3, 2), (4, 2)]


@dataclass
class FakeExecutor:
    """Notes the versions of alerts."""

    versions: list[int] = field(default_factory=list)

    def on_alert(self, received: ReceivedAlert, now: datetime) -> Any:
        self.versions.append(received.update.alert.version)
        return asyncio.sleep(0)


def paging(*partitions: int) -> Paging:
    """A state machine with these partitions, assigned an hour ago, and no destination."""
    made = Paging(PagingPolicy(Routing(()), ()))
    for partition in partitions:
        made.assigned(partition, [], datetime.now(UTC) - timedelta(hours=1))
    return made


def consumer(executor: FakeExecutor, machine: Paging) -> AlertConsumer:
    return AlertConsumer(machine, executor, READER, None)  # type: ignore[arg-type]


def test_a_backlog_is_paged_when_it_was_read_or_when_the_rest_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        executor = FakeExecutor()
        reading = consumer(executor, paging(0))
        records = [Record(alert("p1", "A", n).model_dump_json().encode(), n) for n in (1, 2, 3)]
        reading.assigned(0, timedelta(days=36500), 4)
        await asyncio.gather(*reading._handle(0, records[:2]), *reading._end_overdue_backlogs())
        assert executor.versions == []
        await asyncio.gather(*reading._handle(0, records[2:]))
        assert executor.versions == [1, 2, 3]
        reading.assigned(0, timedelta(days=36500), 100)
        await asyncio.gather(*reading._handle(0, records[:1]))
        monkeypatch.setattr(alert_consumer, "BACKLOG_TIMEOUT_SECONDS", -1.0)
        await asyncio.gather(*reading._end_overdue_backlogs())
        assert executor.versions == [1, 2, 3, 1]
        assert reading.backlogs == {}

    asyncio.run(play())


HEARTBEAT_0_1 = Record(b'{"heartbeat": 0, "at": "2026-03-04T10:00:00Z"}', 5, headers=(("kind", b"heartbeat"),))


def test_a_heartbeat_of_build_0_1_on_the_alerts_topic_counts() -> None:
    executor, machine = FakeExecutor(), paging(0)
    assert consumer(executor, machine)._handle(0, [HEARTBEAT_0_1]) == []
    assert machine.all_alive(datetime.now(UTC))
    assert executor.versions == []


def test_a_heartbeat_of_build_0_1_in_a_backlog_is_old_and_does_not_count() -> None:
    machine = paging(0)
    reading = consumer(FakeExecutor(), machine)
    reading.assigned(0, timedelta(minutes=2), 100)
    reading._handle(0, [HEARTBEAT_0_1])
    assert not machine.all_alive(datetime.now(UTC))


def test_a_header_of_another_kind_is_no_heartbeat() -> None:
    executor, machine = FakeExecutor(), paging(0)
    value = alert("p1", "A").model_dump_json().encode()
    other = Record(value, 1, headers=(("kind", b"alert"), ("other", b"heartbeat")))
    waits = consumer(executor, machine)._handle(0, [other])
    asyncio.run(_all(waits))
    assert executor.versions == [1]
    assert not machine.all_alive(datetime.now(UTC))


async def _all(waits: list[Any]) -> None:
    await asyncio.gather(*waits)


def test_alerts_are_being_read_while_the_loop_turns_and_no_backlog_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Batches:
        """Gives one empty batch, then ends the loop."""

        async def read(self, most: int) -> dict[Any, list[Any]]:
            leaving.set()
            return {}

    async def play() -> None:
        assert not reading.reads(0)  # the loop has not turned yet
        reading.assigned(1, timedelta(minutes=2), 100)
        await reading.run(leaving)
        assert reading.reads(0)
        assert not reading.reads(1)
        monkeypatch.setattr(alert_consumer, "READING_SECONDS", -1.0)
        assert not reading.reads(0)

    leaving = asyncio.Event()
    reading = AlertConsumer(paging(0, 1), FakeExecutor(), READER, Batches())  # type: ignore[arg-type]
    asyncio.run(play())
