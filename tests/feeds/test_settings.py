"""feeds.toml is checked whole when it is read: exit 2 names file, row and what is wrong."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from agents.feeds.translation.rows import CodeRow, DrugRow, ProductRow, WordRow
from agents.feeds.translation.settings import load_settings, parse_settings
from agents.feeds.translation.summary import Summary
from agents.feeds.translation.systems import Coding
from agents.feeds.translation.table_index import SHIPPED, formulary, shipped, shipped_rows
from agents.feeds.translation.units import CONVERSIONS, KNOWN_UNITS
from agents.platform.errors import UserError

GOOD_CODE = '[[code]]\nsystem = "L"\ncode = "A"\nsignal = "spo2_percent"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD_CODE + '[[code]]\nsystem = "L"\ncode = "B"\nsignal = "spo3"\n', r"\[\[code\]\] row 2: signal: 'spo3'"),
        (GOOD_CODE + 'unit = "mmHg"\n', r"\[\[code\]\] row 1: unit: 'mmHg'"),
        (GOOD_CODE + '[[code]]\nsystem = ""\ncode = "A"\nsignal = "ignore"\n', r"\[\[code\]\] row 2: the same key"),
        (GOOD_CODE + "sentinel = [1]\n", r"\[\[code\]\] row 1: sentinel: no such key"),
        ('[[word]]\nfield = "oxygen_device"\nwritten = "x"\nmeans = "hat"\n', r"\[\[word\]\] row 1: means: 'hat'"),
        ('[[word]]\nfield = "device"\nwritten = "x"\nmeans = "ecmo"\n', r"\[\[word\]\] row 1: field"),
        ('[[word]]\nfield = "unit"\nwritten = "x"\nmeans = "furlong"\n', r"\[\[word\]\] row 1: means: 'furlong'"),
        (
            '[[word]]\nfield = "route"\nwritten = "I.V."\nmeans = "iv"\n'
            '[[word]]\nfield = "route"\nwritten = "iv"\nmeans = "im"\n',
            r"\[\[word\]\] row 2: the same key",
        ),
        ('[[drug]]\nsystem = "L"\ncode = "1"\ndrug = "tocilizumabb"\n', r"\[\[drug\]\] row 1: drug: 'tocilizumabb'"),
        ('[[drug]]\ndrug = "tocilizumab"\n', r"\[\[drug\]\] row 1: needs either"),
        ('time_zone = "Europe/Atlantis"\n', "time_zone: 'Europe/Atlantis'"),
        ('[[sender]]\nname = "a"\ntime_zone = "X/Y"\n', r"\[\[sender\]\] row 1: time_zone"),
        ('[[sender]]\nname = "a"\ncharset = "klingon"\n', r"\[\[sender\]\] row 1: charset"),
        ('[[sender]]\nname = "a"\nsource = "guess"\n', r"\[\[sender\]\] row 1: source"),
        ('[mllp]\nlisten = "127.0.0.1:2575"\nport = 1\n', "mllp.port: no such key"),
        ("zone = 1\n", "zone: no such key"),
        ("[[code]\n", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_row(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=rf"feeds\.toml: .*{complaint}"):
        load_settings(str(path))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere\.toml: No such file"):
        load_settings("nowhere.toml")


def test_all_settings_of_the_contract_are_read(tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(
        'time_zone = "America/New_York"\npatient_identifier = ["MR@MERCY", "id"]\n'
        '[mllp]\nlisten = "127.0.0.1:2575"\nclient_ca = "ca.pem"\nlongest_bytes = 2048\nprocessing_ids = ["P", "T"]\n'
        '[fhir]\nlisten = "127.0.0.1:8080"\ntoken_file = "t"\nsearch = "https://fhir"\nsearch_token_file = "s"\n'
        '[[sender]]\nname = "lab"\napplication = "LAB"\nfacility = "*"\ntime_zone = "Europe/Berlin"\n'
        'charset = "latin-1"\n'
        'source = "charted"\npatient_identifier = ["PI"]\n' + GOOD_CODE,
        encoding="utf-8",
    )
    feeds = load_settings(str(path))
    lab, other = feeds.sender("LAB", "H"), feeds.sender("MON", "H")
    assert (lab.name, str(lab.zone), lab.charset, lab.source, lab.identifiers) == (
        "lab",
        "Europe/Berlin",
        "latin-1",
        "charted",
        ("PI",),
    )
    assert (other.name, str(other.zone), other.identifiers) == ("other", "America/New_York", ("MR@MERCY", "id"))
    assert feeds.file.mllp.longest_bytes == 2048


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_row_has_its_source_and_status(name: str) -> None:
    for rows in shipped(name).values():
        for row in rows:
            assert row["source"], row
            assert row["status"] in ("verified", "verified-secondary", "unverified"), row


def test_shipped_tables_say_one_thing_a_key_and_only_what_is_known() -> None:
    codes = shipped_rows(CodeRow, "code")
    assert len({(row.system, row.code) for row in codes}) == len(codes)
    words = [row for row in shipped_rows(WordRow, "word") if row.field == "unit"]
    assert {row.means for row in words} <= KNOWN_UNITS
    assert {unit for units in CONVERSIONS.values() for unit in units} <= {row.means for row in words}
    assert all(formulary().find(row.drug) for row in shipped_rows(DrugRow, "drug"))
    assert len(shipped_rows(ProductRow, "product")) > 10


def test_a_shipped_word_has_one_meaning_in_its_field() -> None:
    from agents.feeds.translation.systems import plain

    seen: dict[tuple[str, str], str] = {}
    for row in shipped_rows(WordRow, "word"):
        for written in row.written:
            key = (row.field, written if row.field == "unit" else plain(written))
            assert seen.setdefault(key, row.means) == row.means, written


@pytest.mark.parametrize(
    "system",
    [
        "LN",
        "LOINC",
        "http://loinc.org",
        "https://loinc.org/",
        "urn:oid:2.16.840.1.113883.6.1",
        "ln",
        "2.16.840.1.113883.6.1",
    ],
)
def test_a_system_is_known_by_all_its_names(system: str) -> None:
    found = load_settings().tables.find((Coding(system, "8867-4"),))
    assert found is not None
    assert found != "conflict"
    assert found.row.signal == "heart_rate_per_min"


@pytest.mark.parametrize(
    "system", ["MDC", "urn:iso:std:iso:11073:10101", "ISO11073", "urn:oid:1.2.840.10004.1.1.1.0.0.1"]
)
def test_so_is_11073(system: str) -> None:
    found = load_settings().tables.find((Coding(system, "147842"),))
    assert found is not None
    assert found != "conflict"
    assert found.is_mdc


def test_a_number_without_its_partition_is_the_term_that_its_refid_names() -> None:
    tables = load_settings().tables
    found = tables.find((Coding("MDC", "16770", "MDC_ECG_HEART_RATE"),))
    assert found is not None
    assert found != "conflict"
    assert found.row.code == "147842"
    assert tables.find((Coding("MDC", "16771", "MDC_ECG_HEART_RATE"),)) == "conflict"


def test_the_example_of_the_documentation_is_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.+?)```", page, re.DOTALL)
    feeds = parse_settings(tomllib.loads(example), "docs/feeds.md")
    assert feeds.sender("LABSYS", "any").charset == "latin-1"
    assert feeds.tables.word("oxygen_device", ["oxy-mask"]) == "face_mask"
    assert feeds.tables.word("action", ["ORC-1=CA"]) == "void"
    (summary,) = re.findall(r"```json\n(.+?)```", page, re.DOTALL)
    assert json.loads(summary).keys() == Summary().as_json().keys()
