"""A patient as a hospital's systems send them: admission, product, fever, low pressure, tocilizumab, a correction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agents.cli.main import main

FEEDS = """
time_zone = "America/New_York"
patient_identifier = ["MR@MERCY", "MR"]
[[code]]
system = "EPIC"
code = "O2"
signal = "oxygen_device"
"""
PATIENT = "PID|1||V1^^^MERCY^VN~4711^^^MERCY^MR||DOE^JANE||19760301|F"
# Sent at, application, type, segments; times are New York's, five hours behind UTC.
SENT = [
    ("0301080000", "ADT", "ADT^A01", "EVN|A01|20260301080000", "PV1|1|I|5W^512^A"),
    ("0301101000", "EPIC", "RAS^O17", "ORC|RE|P1|F1", "RXA|0|1|20260301100000||1^Yescarta^L|68|mL|||||||||||||Given"),
    ("0303080500", "EPIC", "ORU^R01", "OBR|1|||VS|||20260303080000", "OBX|1|NM|29463-7^Weight^LN||154|lbs|||||F"),
    (
        "0303090200",
        "MON",
        "ORU^R01",
        "OBR|1|||VS|||20260303090000",
        "OBX|1|NM|150344^MDC_TEMP^MDC|1.1.1.1|101.3|266560^MDC_DIM_FAHR^MDC|||||R",
        "OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.1.2.1|96|262688^MDC_DIM_PERCENT^MDC|||||R",
    ),
    (
        "0303100500",
        "EPIC",
        "ORU^R01",
        "OBR|1|||VS|||20260303100000",
        "OBX|1|NM|8480-6^SBP^LN||84|mmHg|||||F",
        "OBX|2|ST|O2^O2 device^EPIC||Room air||||||F",
    ),
    (
        "0303103100",
        "EPIC",
        "RAS^O17",
        "ORC|RE|P2|F2",
        "RXA|0|1|20260303103000||2^tocilizumab 560 mg in NaCl^L|560|mg|||||||||||||New Bag",
        "RXR|IV",
    ),
    ("0303113100", "EPIC", "RAS^O17", "ORC|RE|P2|F2", "RXA|0|2|20260303113000||2^tocilizumab^L|||||||||||||||Stopped"),
    ("0303120000", "EPIC", "ORU^R01", "OBR|1|||VS|||20260303100000", "OBX|1|NM|8480-6^SBP^LN||118|mmHg|||||C"),
]


def file_of(messages: list[tuple[str, ...]]) -> str:
    """The messages as one file."""
    lines = []
    for number, (sent, application, kind, *segments) in enumerate(messages, 1):
        lines.append(rf"MSH|^~\&|{application}|MERCY|||2026{sent}||{kind}|{number}|P|2.5.1")
        lines += [segments.pop(0), PATIENT, *segments] if kind.startswith("ADT") else [PATIENT, *segments]
    return "\r".join(lines)


def replayed(tmp_path: Path, messages: list[tuple[str, ...]]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The last state, and what happened to the alerts."""
    (tmp_path / "feeds.toml").write_text(FEEDS, encoding="utf-8")
    (tmp_path / "a.hl7").write_text(file_of(messages), encoding="utf-8")
    paths = [str(tmp_path / name) for name in ("a.hl7", "feeds.toml", "state", "alerts")]
    arguments = ["replay", "--hl7", paths[0], "--feeds", paths[1], "--state", paths[2], "--alerts", paths[3]]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    (state,) = [json.loads(line) for line in Path(paths[2]).read_text(encoding="utf-8").splitlines()]
    alerts = [json.loads(line) for line in Path(paths[3]).read_text(encoding="utf-8").splitlines()]
    return state, [(alert["kind"], alert["status"]) for alert in alerts]


def test_fever_and_a_low_pressure_after_the_product_are_grade_2_until_tocilizumab_is_charted(tmp_path: Path) -> None:
    state, alerts = replayed(tmp_path, SENT[:5])
    assert (state["patient_id"], state["grade"]) == ("4711", 2)
    assert state["context"]["product"] == "axi-cel"
    assert (state["context"]["unit"], state["context"]["bed"]) == ("5W", "512-A")
    assert state["tocilizumab"]["dose_mg"] == pytest.approx(559, abs=2), "8 mg for each of 69.85 kg"
    assert ("dose_indicated", "raised") in alerts
    state, alerts = replayed(tmp_path, SENT[:7])
    assert state["tocilizumab"]["count_total"] == 1
    assert ("dose_indicated", "resolved") in alerts


def test_a_pressure_that_was_charted_wrongly_takes_its_alerts_back(tmp_path: Path) -> None:
    state, alerts = replayed(tmp_path, [*SENT[:5], SENT[7]])
    assert state["grade"] == 1
    assert ("escalation", "retracted") in alerts
