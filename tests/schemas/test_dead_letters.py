"""Dead letters keep what was refused, and their form on the wire does not drift: golden copies, one a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.dead_letters import DeadLetter, Origin, dead_letter
from schemas.decode import decode
from schemas.decoded import Decoded, Refused
from tests.schemas.messages import message

GOLDEN = Path(__file__).parent / "golden" / "dead_letters.ndjson"
AT = datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC)
ORIGIN = Origin("crs.vitals", 3, 41, AT)


def letter_about(payload: bytes, origin: Origin = ORIGIN) -> DeadLetter:
    """The letter that a shell writes about this message."""
    verdict = decode(payload, "vitals")
    if isinstance(verdict, Refused):
        return dead_letter(verdict.reason, verdict.detail, payload, origin)
    assert isinstance(verdict, Decoded)
    return dead_letter("implausible_value", verdict.implausible[0].detail, payload, origin)


LETTERS = [
    letter_about(b"{"),
    letter_about(b"\xff\x00"),
    letter_about(message("vitals", spo2_percent="95")),
    letter_about(message("vitals", spo2_percent=150, heart_rate_per_min=92)),
    letter_about(b"nothing", Origin(None, None, 17, AT)),
]


def test_letters_are_as_the_golden_copies() -> None:
    assert [letter.model_dump(mode="json") for letter in LETTERS] == [
        json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_reads_back_as_it_was_written(letter: DeadLetter) -> None:
    assert DeadLetter.model_validate_json(letter.model_dump_json()) == letter


def test_a_corrected_letter_can_be_sent_again() -> None:
    letter = letter_about(message("vitals", spo2_percent="95"))
    mended = json.loads(letter.original()) | {"spo2_percent": 95}
    assert isinstance(decode(json.dumps(mended).encode(), "vitals"), Decoded)


def test_a_letter_keeps_at_most_64_kib_of_a_message() -> None:
    assert len(letter_about(b"x" * 65_536).original()) == 65_536
    assert len(letter_about(b"x" * 1_048_576).original()) == 65_536


def test_the_reasons_are_a_closed_set() -> None:
    with pytest.raises(ValidationError):
        dead_letter("because", "detail", b"", ORIGIN)  # type: ignore[arg-type]
