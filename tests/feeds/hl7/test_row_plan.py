"""Rows that were seen before are read by a plan, which gives the same as reading them from scratch."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.settings import FeedSettings, load_settings

CODES = st.sampled_from(
    [
        "147842^MDC_ECG_HEART_RATE^MDC",
        "8310-5^T^LN",
        "8329-5^T^LN",
        "19994-3^FiO2^LN",
        "150033^^MDC",
        "777-3^P^LN",
        "1^x^L",
    ]
)
ROW = st.tuples(
    st.sampled_from(["NM", "ST", "", "CWE"]),
    CODES,
    st.sampled_from(["1.1.1.1", "1.2.1.1", "", "1"]),
    st.sampled_from(["80", "38.5", "-100", "", "x", "0.3", " 99 ", "38,5", "1e3", "<5"]),
    st.sampled_from(["bpm", "Cel", "[degF]", "mmHg", "", "10*9/L"]),
    st.sampled_from(["F", "R", "C", "D", "X", ""]),
    st.sampled_from(["", "20260301100001+0000", "2026", "202603011001"]),
    st.sampled_from(["", "M1^^0012"]),
)


def message(rows: list[tuple[str, ...]], number: int) -> bytes:
    """An ORU with these rows in one OBR with a device row."""
    lines = [
        f"MSH|^~\\&|MON|ICU|||202603011200{number:02}+0000||ORU^R01|{number}|P|2.6",
        "PID|1||4711^^^MERCY^MR",
        f"OBR|1|||VS|||202603011000{number:02}+0000",
        "OBX|1||69965^MDS^MDC|1.0.0.0|||||||X|||||||DEV7",
    ]
    for at, (kind, code, place, value, unit, status, time, device) in enumerate(rows, 2):
        lines.append(f"OBX|{at}|{kind}|{code}|{place}|{value}|{unit}|||||{status}|||{time}||||{device}")
    return "\r".join(lines).encode()


def read(raw: bytes, feeds: FeedSettings) -> Any:
    """All that a translation gives."""
    outcome = translate(raw, feeds, Memory())
    events = [json.loads(one.payload) for one in outcome.events]
    return events, outcome.letters, dict(outcome.left_out), dict(outcome.unmapped)


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=6))
def test_a_row_read_by_its_plan_gives_the_same(rows: list[tuple[str, ...]]) -> None:
    feeds = load_settings()
    feeds.tables.plans.clear()
    read(message([(*row[:3], "81", *row[4:]) for row in rows], 1), feeds)
    read(message(rows, 2), feeds)
    by_plan = read(message(rows, 3), feeds)
    feeds.tables.plans.clear()
    assert read(message(rows, 3), feeds) == by_plan


def test_a_row_gets_a_plan_only_when_its_number_was_plain() -> None:
    feeds = load_settings()
    feeds.tables.plans.clear()
    row = ("NM", "8867-4^HR^LN", "1", "x", "bpm", "F", "", "")
    read(message([row], 1), feeds)
    assert not any(feeds.tables.plans.values())
    read(message([(*row[:3], "80", *row[4:])], 2), feeds)
    assert sum(map(len, feeds.tables.plans.values())) == 1
