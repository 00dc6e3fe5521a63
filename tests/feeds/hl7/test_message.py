"""Reading a message: character sets, delimiters, framing, and what is refused."""

from __future__ import annotations

import io
from functools import cache

import hl7 as library
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.feeds.hl7.files import messages_in
from agents.feeds.hl7.message import NotHl7, parse
from agents.feeds.hl7.translate import translate
from agents.feeds.translation.memory import Memory
from agents.feeds.translation.outcome import Outcome
from agents.feeds.translation.settings import FeedSettings, load_settings, parse_settings

FIRST = "MSH|^~\\&|MON|ICU|||20260301100001+0000||ORU^R01|1|P|2.6\rPID|1||4711^^^MERCY^MR||MÜLLER^JÖRG\r"
ROWS = "OBR|1|||VS|||20260301100000+0000\rOBX|1|NM|8867-4^HR^LN||80|{unit}|||||F"
LONGEST = 1 << 20


def outcome_of(raw: bytes, charset: str | None = None) -> Outcome:
    """What a message says, from a sender with this character set."""
    return translate(raw, settings_for(charset), Memory())


@cache
def settings_for(charset: str | None) -> FeedSettings:
    """Settings with a sender of this character set."""
    senders = [{"name": "mon", "application": "MON", "charset": charset}] if charset else []
    return parse_settings({"sender": senders}, "feeds.toml")


def test_a_byte_that_is_not_of_the_character_set_does_no_harm_in_a_name() -> None:
    raw = (FIRST + ROWS.format(unit="/min")).encode("latin-1")
    outcome = outcome_of(raw)
    assert len(outcome.events) == 1
    assert outcome.letters == []


@pytest.mark.parametrize(
    ("written", "changed", "place"),
    [("/min", "/µmin", "OBX-6"), ("8867-4^HR", "8867-4^H\xe4", "OBX-3"), ("4711^", "47\xe411^", "PID-3")],
)
def test_in_a_unit_a_code_or_an_id_it_is_a_bad_charset(written: str, changed: str, place: str) -> None:
    raw = (FIRST + ROWS.format(unit="/min")).replace(written, changed).encode("latin-1")
    outcome = outcome_of(raw)
    assert outcome.events == []
    assert [letter.reason for letter in outcome.letters] == ["bad_charset"]
    assert place in outcome.letters[0].detail


@pytest.mark.parametrize(
    ("declared", "codec"), [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15")]
)
def test_msh_18_names_the_character_set(declared: str, codec: str) -> None:
    rows = "OBR|1|||VS|||20260301100000+0000\rOBX|1|NM|8310-5^T^LN||38.5|°C|||||F"
    first = FIRST.replace("|P|2.6\r", f"|P|2.6||||||{declared}\r")
    outcome = outcome_of((first + rows).encode(codec))
    assert len(outcome.events) == 1, outcome.letters


def test_the_senders_charset_holds_where_msh_18_is_empty() -> None:
    rows = "OBR|1|||VS|||20260301100000+0000\rOBX|1|NM|8310-5^T^LN||38.5|°C|||||F"
    raw = (FIRST + rows).encode("latin-1")
    assert outcome_of(raw).events == []
    assert len(outcome_of(raw, charset="latin-1").events) == 1


@pytest.mark.parametrize("raw", [b"", b"hello", b"MSH", b"MSHx^~\\&|a", b"MSH|AB|c|d|e", b"PID|1||4711", b"\x00" * 50])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    assert [letter.reason for letter in outcome_of(raw).letters] == ["not_hl7"]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_translation(tail: bytes) -> None:
    outcome_of(FIRST.encode() + ROWS.format(unit="/min").encode() + b"\rOBX|2|NM|" + tail)
    outcome_of(b"MSH" + tail)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_line_ends_framing_marks_and_batches_around_messages(end: str) -> None:
    one = (FIRST + ROWS.format(unit="/min")).replace("\r", end)
    two = one.replace("|1|P|", "|2|P|")
    file = f"\ufeffFHS|^~\\&{end}BHS|^~\\&{end}\x0b{one}{end}\x1c\r{end}\x0b{two}\x1c\rBTS|2{end}FTS|1{end}"
    found = list(messages_in(io.BytesIO(file.encode()), LONGEST))
    assert [parse(raw).header[10] for raw in found] == ["1", "2"]
    assert all(parse(raw).segments[-1][:2] == ["OBX", "1"] for raw in found)


def test_a_message_over_the_limit_is_cut_and_the_next_one_is_whole() -> None:
    long = FIRST + "NTE|1||" + "x" * 500
    file = f"{long}\r{FIRST}{ROWS.format(unit='/min')}"
    found = list(messages_in(io.BytesIO(file.encode()), 300))
    assert len(found[0]) == 301
    assert parse(found[1]).segments[-1][0] == "OBX"


def test_text_before_the_first_message_is_a_message_of_its_own() -> None:
    found = list(messages_in(io.BytesIO(b"# export of ICU\n" + FIRST.encode()), LONGEST))
    assert len(found) == 2
    with pytest.raises(NotHl7):
        parse(found[0])


def test_the_library_hl7_reads_the_same_fields() -> None:
    raw = (FIRST + ROWS.format(unit="266016^MDC_DIM_MMHG^MDC~b")).encode()
    theirs, ours = library.parse(raw.decode()), parse(raw)
    for number, segment in enumerate(ours.segments):
        for field in range(3, len(segment)):
            assert str(theirs[number][field]) == segment[field]


def test_default_settings_are_loaded_without_a_file() -> None:
    assert load_settings().sender("X", "Y").identifiers == ("MR", "MRN", "PI", "*", "id")
