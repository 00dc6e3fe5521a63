"""A further signal, scale and rule are each data and at most one file, and are then judged, stored and shown.

The lines below are written into a copy of the product, where nothing else is changed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
# File, the line before which a new one goes, the new one.
SIGNAL = (
    (
        "schemas/events.py",
        '    consciousness: Consciousness | None = Field(None, title="consciousness", description="AVPU scale.")\n',
        "    lactate_mmol_per_l: Annotated[\n"
        '        float, Field(ge=0, le=30, json_schema_extra={"x-unit": "mmol/L"})\n'
        '    ] | None = Field(None, title="lactate", description="Lactate.")\n',
    ),
)
JUDGED_SIGNAL = (
    (
        "monitor/course/further_signals.py",
        "FURTHER_SIGNALS: tuple[JudgedSignal, ...] = (",
        'JudgedSignal("lactate_mmol_per_l", lambda _: (200, 400)),',
    ),
)
SCALE = (
    (
        "schemas/state.py",
        '    context: ContextState = Field(description="Context in force.")\n',
        '    lactate_grade: int = Field(0, ge=0, le=2, json_schema_extra=scale("lactate", "Lactate"))\n',
    ),
    (
        "monitor/course/scales.py",
        "from monitor.course import axes\n",
        "from monitor.course import axes, lactate\n",
    ),
    (
        "monitor/course/scales.py",
        "JUDGED: dict[str, JudgedScale] = {\n",
        '    "lactate": JudgedScale(lactate.by_lactate, lambda profile: profile.fall_after),\n',
    ),
)
RULE = (
    ("monitor/guidelines/rule_ids.py", "RULES = frozenset(\n    {\n", '        "review-lactate",\n'),
    ("monitor/alerts/rules.py", "from monitor.alerts import data_alerts", "from monitor.alerts import lactate"),
    ("monitor/alerts/rules.py", "ALERT_RULES: tuple[AlertRule, ...] = (\n", "    AlertRule(lactate.high_lactate),\n"),
    ("monitor/guidelines/profiles/house.toml", "[rules]\n", 'review-lactate = "P"\n'),
    ("monitor/guidelines/profiles/astct-2019.toml", "[rules]\n", 'review-lactate = "P"\n'),
)
FILES = {"lactate_scale.py": "monitor/course/lactate.py", "lactate_rule.py": "monitor/alerts/lactate.py"}
VITALS = {"type": "vitals", "patient_id": "A", "source": "charted", "systolic_mmhg": 118}
EVENTS = [
    {**VITALS, "event_id": "1", "effective_at": "2026-03-02T10:00:00Z", "lactate_mmol_per_l": 1.2},
    *(
        {**VITALS, "event_id": f"s{n}", "effective_at": f"2026-03-02T10:{n:02d}:00Z", "source": "monitor"}
        for n in range(1, 50)
    ),
    {**VITALS, "event_id": "2", "effective_at": "2026-03-02T10:50:00Z", "lactate_mmol_per_l": 4.2},
    {**VITALS, "event_id": "3", "effective_at": "2026-03-02T10:51:00Z", "lactate_mmol_per_l": 4.4},
    {**VITALS, "event_id": "4", "effective_at": "2026-03-02T10:52:00Z", "lactate_mmol_per_l": 300},
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the extended copy makes of the patient."""
    copy = tmp_path_factory.mktemp("extended")
    for package in ("schemas", "monitor", "agents"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, after, line in (*SIGNAL, *JUDGED_SIGNAL, *SCALE, *RULE):
        path = copy / file
        text = path.read_text(encoding="utf-8")
        assert text.count(after) == 1, f"{file}: {after}"
        path.write_text(
            text.replace(after, after + line if after.endswith(("\n", "(")) else f"{line}\n{after}"), encoding="utf-8"
        )
    for name, place in FILES.items():
        shutil.copy(HERE / name, copy / place)
    shutil.copy(HERE / "judge_and_show.py", copy / "judge_and_show.py")
    lines = "\n".join(map(json.dumps, EVENTS))
    done = subprocess.run(
        [sys.executable, "judge_and_show.py"], cwd=copy, input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_signal_is_published_and_shown_with_its_unit(shown: dict[str, Any]) -> None:
    latest = shown["published"]["latest"]["lactate_mmol_per_l"]
    assert (latest["value"], latest["unit"]) == (4.4, "mmol/L")
    assert (shown["board"]["signal"]["value"], shown["board"]["signal"]["unit"]) == ("4.4", "mmol/L")
    assert shown["history"][0] == 4.4


def test_an_implausible_value_of_the_signal_is_no_reading(shown: dict[str, Any]) -> None:
    """The last one, 300, was taken out of its event."""
    assert shown["published"]["latest"]["lactate_mmol_per_l"]["effective_at"].startswith("2026-03-02T10:51")


def test_the_scale_is_judged_published_and_shown(shown: dict[str, Any]) -> None:
    assert shown["published"]["lactate_grade"] == 2
    assert (shown["board"]["scale"]["grade"], shown["board"]["scale"]["shown"]) == (2, True)
    assert shown["history"][1] == {"lactate_grade": 2}
    assert "Lactate" in shown["terminal"]
    assert shown["published"]["grade"] == 0, "the grade of CRS is another scale"


def test_the_rule_raises_its_alert_once_and_the_board_shows_it(shown: dict[str, Any]) -> None:
    assert shown["alerts"] == ["review-lactate raised"]
    assert shown["board"]["alerts"] == ["Lactate is high"]


def test_the_readings_of_the_signal_survive_thinning(shown: dict[str, Any]) -> None:
    assert shown["kept"] < len(EVENTS), "some were thinned"
