"""The tables of contract.md, section 7, line by line: messages in, events, dead letters and counts out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.settings import parse_settings
from agents.feeds.translation.summary import Summary
from tests.feeds.translated import events_of, expected_event, named_ids

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['line'][:90]}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.toml"))
    for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
]
HEADER = r"MSH|^~\&|EPIC|MERCY|||20260301120000+0000||{type}|{number}|P|2.5.1"
PATIENT = "PID|1||4711^^^MERCY^MR||DOE^JANE"


def message_of(written: str, kind: str | None, number: int) -> bytes:
    """A message with the header and the patient that a case leaves out."""
    text = written.strip()
    if not text.startswith("MSH"):
        kind = kind or ("RAS^O17" if "\nRXA" in f"\n{text}" else "ORU^R01")
        patient = "" if "PID|" in text else f"{PATIENT}\n"
        text = f"{HEADER.format(type=kind, number=number)}\n{patient}{text}"
    return text.replace("\n", "\r").encode()


@pytest.mark.parametrize("case", CASES)
def test_a_line_of_the_contract(case: dict[str, Any]) -> None:
    settings = parse_settings(tomllib.loads(case.get("feeds", "")), "feeds.toml")
    memory, summary = Memory(), Summary()
    written = case.get("messages") or [case["message"]]
    events, letters = [], []
    for number, text in enumerate(written, 1):
        outcome = translate(message_of(text, case.get("type"), number), settings, memory)
        summary.add(outcome)
        events += events_of(outcome)
        letters += [letter.reason for letter in outcome.letters]
    wanted = named_ids(case.get("events", []), events, case.get("ids", ""))
    assert [expected_event(want, got) for want, got in zip(wanted, events, strict=False)] == events
    assert len(events) == len(wanted)
    assert letters == case.get("letters", [])
    counts = summary.as_json()
    assert counts["left_out"] == case.get("left_out", {})
    assert counts["unmapped"] == case.get("unmapped", [])
