"""The table of `refusals.md`, row by row, and what no table can print: bytes that are too many, too deep, not text."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from agents.engine.stamp import log_value
from agents.verify.reader import StoredRecord
from schemas import topics
from schemas.dead_letters import DeadLetterReason
from schemas.decode import decode
from schemas.decoded import Decoded, Refused
from tests.schemas.messages import HEADER, message

TABLE = Path(__file__).with_name("refusals.md")
TOPICS = {topic.name: topic.default_type for topic in topics.FEEDS} | {"log": None, "file": None}
# What only the engine can say, which knows the patient and the log's clock; or nobody, when all is well.
BY_THE_ENGINE = {"from_the_future", "defect", "id_reused", "ambiguous_id", "merge_not_undone"}


def rows() -> list[list[str]]:
    """The rows of all tables, cells stripped of blanks and back ticks."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("payload", "topic", "reason", "detail"), rows())
def test_refused_as_in_the_table(payload: str, topic: str, reason: str, detail: str) -> None:
    verdict = decode(payload.replace("…", HEADER).encode(), TOPICS[topic], in_log=topic == "log")
    assert isinstance(verdict, Refused), verdict
    beginning, ellipsis, _ = detail.partition("…")
    assert verdict.reason == reason
    assert verdict.detail.startswith(beginning) if ellipsis else verdict.detail == detail


def test_every_reason_has_its_row_or_its_test() -> None:
    tested_here = {"empty", "too_large", "not_utf8", "too_deep"}
    assert {reason for _, _, reason, _ in rows()} | tested_here | BY_THE_ENGINE == set(get_args(DeadLetterReason))


@pytest.mark.parametrize("nothing", [b"", None])
def test_a_message_without_bytes_is_empty(nothing: bytes | None) -> None:
    assert decode(nothing) == Refused("empty", "no bytes")


def test_64_kib_are_read_and_one_byte_more_is_not() -> None:
    good = message("vitals", spo2_percent=95)
    full = good[:-1] + b" " * (65536 - len(good)) + b"}"
    assert len(full) == 65536
    assert not isinstance(decode(full), Refused)
    assert decode(full + b" ") == Refused("too_large", "more than 65536 bytes")
    assert decode(b"\xff" * 1024 * 1024) == Refused("too_large", "more than 65536 bytes")


@pytest.mark.parametrize("fields", [b'"x":[' + b"1e15," * 9000 + b'1],"status":null', b'"x":"' + b"y" * 64_000 + b'"'])
def test_what_intake_takes_is_not_too_large_for_the_log(fields: bytes) -> None:
    """Type and arrival are added on the way, and numbers may be written in another way."""
    payload = message(None, spo2_percent=95)[:-1] + b"," + fields + b"}"
    decoded = decode(payload, "vitals")
    assert isinstance(decoded, Decoded)
    in_log = log_value(StoredRecord(0, 1_772_355_660_000, b"p1", payload), decoded, "vitals")
    assert isinstance(decode(in_log, in_log=True), Decoded)


@pytest.mark.parametrize("where", [b'"device_id":"%s"', b'"%s":1', b'"unknown":["%s"]'])
@pytest.mark.parametrize("what", [b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_text_must_be_utf8_in_known_and_unknown_fields_alike(where: bytes, what: bytes) -> None:
    verdict = decode(message("vitals", spo2_percent=95)[:-1] + b"," + where % what + b"}")
    assert isinstance(verdict, Refused)
    assert verdict.reason == "not_utf8"


def test_a_byte_order_mark_is_no_json() -> None:
    verdict = decode(b"\xef\xbb\xbf" + message("vitals", spo2_percent=95))
    assert isinstance(verdict, Refused)
    assert verdict.reason == "not_json"


@pytest.mark.parametrize("nest", [b"[" * 30_000 + b"]" * 30_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000])
def test_deep_nesting_is_refused_before_it_costs_anything(nest: bytes) -> None:
    inside = message("vitals", spo2_percent=95)[:-1] + b',"x":' + nest + b"}"
    for payload in (nest, inside):
        assert decode(payload) == Refused("too_deep", "nested too deeply")


def test_a_number_of_400_digits_is_not_finite_and_one_of_5000_no_better() -> None:
    for digits in (400, 5000):
        verdict = decode(message("vitals", spo2_percent=95).replace(b"95", b"9" * digits))
        assert isinstance(verdict, Refused)
        assert verdict.reason == "not_finite"
