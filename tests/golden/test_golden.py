"""What earlier builds wrote is read, and what this build writes is the same: rows of the table, alerts on the topic.

Red after a change that was meant? `python -m tests.golden.record` writes both files anew; its head says when that is
right and what goes with it.
"""

from __future__ import annotations

import pytest

from monitor.model import fresh
from monitor.record import row
from schemas.alerts import Alert
from tests.golden.record import ALERTS, OFFSET, Kept, alerts, encoded, kept, states

KEPT = kept()
STATES = states()
# A defect of ours and a downtime of ours are no part of a story, and none is long enough for `passed`.
ONLY_IN_THE_STREAM = ("defect_at", "catching_up", "recent_courses", "unknown_fields")
HOW = "CHANGELOG first, then python -m tests.golden.record"


def named(one: Kept) -> str:
    return f"{one.story} ({one.patient_id})"


@pytest.mark.parametrize("one", KEPT, ids=named)
def test_a_row_that_was_kept_is_read_as_the_same_state(one: Kept) -> None:
    decoded = row.decode(one.payload)
    assert decoded.log_offset == OFFSET
    assert decoded.state == STATES[one.story, one.patient_id], HOW


@pytest.mark.parametrize("one", KEPT, ids=named)
def test_a_state_is_written_as_the_same_bytes(one: Kept) -> None:
    assert encoded(STATES[one.story, one.patient_id]) == one.payload, HOW


def test_every_rich_state_is_kept() -> None:
    assert [(one.story, one.patient_id) for one in KEPT] == list(STATES)


def test_between_them_the_rows_use_every_field_of_a_state() -> None:
    unused = {
        name
        for name, value in fresh("A")._asdict().items()
        if name not in ONLY_IN_THE_STREAM and all(getattr(state, name) == value for state in STATES.values())
    }
    assert unused == set()


def test_a_damaged_row_is_refused_and_not_guessed() -> None:
    payload = KEPT[0].payload
    for damaged in (payload[:-1], payload[1:], b"", b"\xc0", payload.replace(b"\xc4\x08", b"\xc4\x09", 1)):
        with pytest.raises(row.RowError):
            row.decode(damaged)


def test_the_alerts_of_a_story_are_the_same_to_the_byte() -> None:
    assert alerts() == ALERTS.read_text(encoding="utf-8").splitlines(), HOW


def test_alerts_that_were_kept_are_read_by_the_wire_model() -> None:
    for line in ALERTS.read_text(encoding="utf-8").splitlines():
        assert Alert.model_validate_json(line).model_dump_json(exclude_none=True) == line
