"""Ids depend on what a message speaks of, and on nothing else; what is printed is what a replay takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.settings import load_settings
from schemas.decode import decode
from schemas.decoded import Decoded

FEEDS = load_settings()
CODES = ["8867-4^HR^LN", "9279-1^RR^LN", "8480-6^SBP^LN", "8310-5^T^LN"]
UNITS = ["/min", "/min", "mmHg", "Cel"]
# What is stated of one instant: signal, value, status, and the second in which it was sent.
STATED = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([36, 38, 40]), st.sampled_from("FFFCD"), st.integers(0, 9)), max_size=8
)


def message(rows: list[tuple[int, int, str]], sent: int, number: int = 1) -> bytes:
    """An ORU with rows of one OBR."""
    lines = [
        f"MSH|^~\\&|MON|ICU|||202603011200{sent:02}+0000||ORU^R01|{number}|P|2.6",
        "PID|1||4711^^^MERCY^MR",
        "OBR|1|||VS|||20260301100000+0000",
    ]
    for at, (code, value, status) in enumerate(rows, 1):
        lines.append(f"OBX|{at}|NM|{CODES[code]}||{value}|{UNITS[code]}|||||{status}")
    return "\r".join(lines).encode()


def all_events(messages: list[bytes]) -> list[dict[str, Any]]:
    """The events of a run."""
    memory = Memory()
    return [json.loads(one.payload) for raw in messages for one in translate(raw, FEEDS, memory).events]


def as_it_stands(events: list[dict[str, Any]]) -> dict[str, float]:
    """The signals that stand after all corrections and voids."""
    replaced = {event["replaces"] for event in events if "replaces" in event}
    standing: dict[str, float] = {}
    for event in events:
        if event["event_id"] not in replaced and event.get("status") != "entered_in_error":
            standing |= {name: value for name, value in event.items() if isinstance(value, float)}
    return standing


@settings(deadline=None)
@given(STATED, st.integers(10, 59), st.integers(2, 99))
def test_the_same_messages_give_the_same_ids_whenever_they_are_sent(
    stated: list[tuple[int, int, str, int]], sent: int, number: int
) -> None:
    rows = [row[:3] for row in stated]
    first = all_events([message(rows, 1)])
    later = all_events([message(rows, sent, number)])
    assert [event["event_id"] for event in first] == [event["event_id"] for event in later]


@settings(deadline=None)
@given(STATED)
def test_stated_again_nothing_is_sent(stated: list[tuple[int, int, str, int]]) -> None:
    by_code = {row[0]: row[:3] for row in stated if row[2] != "D"}
    once = [message(list(by_code.values()), 1)]
    assert all_events(once * 3) == all_events(once)


@settings(deadline=None)
@given(STATED)
def test_ids_are_unique_and_all_that_is_sent_is_decoded_again(stated: list[tuple[int, int, str, int]]) -> None:
    events = all_events([message([row[:3]], sent) for sent, row in enumerate(stated)])
    ids = [event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)
    for event in events:
        decoded = decode(json.dumps(event).encode())
        assert isinstance(decoded, Decoded)
        assert decoded.implausible == ()
        assert event.get("replaces") is None or event["replaces"] not in (event["event_id"],)


@settings(deadline=None)
@given(STATED)
def test_what_stands_in_the_end_is_what_was_stated_last(stated: list[tuple[int, int, str, int]]) -> None:
    """Whatever was corrected or taken back on the way, by the time of sending."""
    events = all_events([message([row[:3]], row[3]) for row in stated])
    expected: dict[int, tuple[int, int | None]] = {}
    for code, value, status, sent in stated:
        known = expected.get(code)
        if known is None and status == "D":
            continue
        if known is None or sent >= known[0]:
            expected[code] = (sent, None if status == "D" else value)
    names = ["heart_rate_per_min", "respiratory_rate_per_min", "systolic_mmhg", "temperature_celsius"]
    wanted = {names[code]: float(value) for code, (_, value) in expected.items() if value is not None}
    assert as_it_stands(events) == wanted
