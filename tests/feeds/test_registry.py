"""Formats of recorded events are opened by name, and all of them give the same kind of source."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.feeds import registry
from agents.feeds.clif.demo_data import demo_dir
from agents.platform import extras
from agents.platform.errors import UserError
from tests.replay.event_files import course, write

HL7 = (
    b"MSH|^~\\&|MON|ICU|||20260301100001+0000||ORU^R01|1|P|2.6\rPID|1||4711^^^MERCY^MR\r"
    b"OBR|1|||VS|||20260301100000+0000\rOBX|1|NM|8867-4^HR^LN||80|/min|||||F\r"
)
FHIR = b"""{"resourceType": "Observation", "id": "1", "status": "final", "subject": {"reference": "Patient/4711"},
"effectiveDateTime": "2026-03-01T10:00:00Z", "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
"valueQuantity": {"value": 80, "unit": "/min"}}"""


@pytest.mark.parametrize("format_name", registry.FORMATS)
def test_every_format_gives_records_a_name_progress_and_what_was_not_mapped(tmp_path: Path, format_name: str) -> None:
    (tmp_path / "a.hl7").write_bytes(HL7)
    (tmp_path / "a.json").write_bytes(FHIR)
    path = {
        "ndjson": write(tmp_path / "events", *course()),
        "clif": str(demo_dir()),
        "hl7": str(tmp_path / "a.hl7"),
        "fhir": str(tmp_path / "a.json"),
    }[format_name]
    source = registry.open_source(format_name, [path])
    first = next(iter(source))
    assert first.line == 1
    assert first.file
    assert source.name == Path(path).name
    assert source.total
    assert source.read > 0
    assert sum(source.unmapped.values()) >= 0


def test_clif_without_pyarrow_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"--clif needs pyarrow.*pip install 'crs-monitor\[replay\]'"):
        registry.open_source("clif", [str(tmp_path)])


def test_ndjson_needs_no_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    source = registry.open_source("ndjson", [write(tmp_path / "events", *course())])
    assert len(list(source)) == len(course())
