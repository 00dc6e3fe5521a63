"""The report: one page without external resources, which shows what is known, and the unknown as unknown."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from click.testing import CliRunner

from agents.cli.main import main
from tests.replay.event_files import context, course, medication, vitals, write


class Page(HTMLParser):
    """What a browser would load, follow or run on the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self._script: str | None = None
        self.data: dict[str, Any] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.links += [given["href"]] if tag == "a" else []
        self.loads += [value for name, value in given.items() if name in ("src", "srcset", "data", "action", "poster")]
        self.loads += [given["href"]] if tag in ("link", "base", "use", "image") else []
        self.ids += [given["id"]] if "id" in given else []
        self._script = given.get("id", "") if tag in ("script", "style") else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.words.append(data)
        elif self._script:
            self.data[self._script] = json.loads(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(tmp_path: Path, *events: dict[str, Any], options: tuple[str, ...] = ()) -> tuple[Page, str]:
    """The page of these events."""
    target = tmp_path / "deep" / "report.html"
    done = CliRunner().invoke(main, ["replay", write(tmp_path / "in", *events), "--report", str(target), *options])
    assert done.exit_code in (0, 3), done.stderr
    text = target.read_text(encoding="utf-8")
    return Page(text), text


def panel(figure: dict[str, Any], words: str) -> str:
    """The heading of a panel."""
    found: str = next(note["text"] for note in figure["layout"]["annotations"] if words in note["text"])
    return found


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page, text = report(tmp_path, *course())
    assert page.loads == []
    assert all(link.startswith("#") for link in page.links)
    # And the browser is instructed to refuse whatever a script might still ask for.
    assert "default-src 'none'" in text
    assert "@import" not in text.partition("</style>")[0]
    assert "url(" not in text.partition("</style>")[0]


def test_links_go_by_number_so_no_patient_stands_in_an_address(tmp_path: Path) -> None:
    page, _ = report(tmp_path, *course("secret-7"))
    assert "#patient-1" in page.links
    assert not any("secret" in link for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_the_ward_is_summed_up(tmp_path: Path) -> None:
    page, _ = report(tmp_path, *course("a"), *course("b", 12), vitals("13:00", "c", heart_rate_per_min=70))
    for words in (
        "not a medical device, and not a primary alarm",
        "3 patients",
        "2 with an episode",
        "alerts a patient-day",
        "0 flapping alerts",
        "0 dead letters",
        "dose indicated",
        "Times are UTC",
    ):
        assert words in page.text, words
    assert "ODbL" not in page.text


def test_a_stay_in_clif_is_attributed(tmp_path: Path) -> None:
    from agents.replay.statistics import Statistics
    from agents.report.collect import Charts
    from agents.report.page import CLIF_SOURCE
    from agents.report.page import page as rendered
    from monitor.guidelines import in_force

    known = in_force.load()
    text = rendered(Statistics(known), Charts(known), CLIF_SOURCE)
    assert "Open Database License (ODbL)" in text
    assert "MIMIC-IV" in text


def test_every_figure_is_one_that_plotly_accepts(tmp_path: Path) -> None:
    drip = [
        medication("10:30", "norepinephrine", "started", rate=5, rate_unit="mcg/min"),
        medication("10:50", "norepinephrine", "rate_changed", rate=0.1, rate_unit="mcg/kg/min"),
        medication("11:00", "vasopressin", "started"),
        vitals("11:10", oxygen_device="nasal_cannula"),
        vitals("11:20", oxygen_device="invasive_ventilation", fio2_fraction=0.6),
        medication("11:30", "dexamethasone", "given", dose=10, dose_unit="mg"),
        medication("12:00", "norepinephrine", "stopped"),
    ]
    page, _ = report(tmp_path, *course(), *drip, vitals("09:00", "q", heart_rate_per_min=80))
    assert len(page.data) == 2
    for figure in page.data.values():
        go.Figure(figure)
    headings = " ".join(note["text"] for note in page.data["figure-1"]["layout"]["annotations"])
    for words in ("CRS grade", "Alerts", "Doses", "Temperature, °C", "mmHg", "SpO2, %", "Oxygen support", "L/min"):
        assert words in headings
    for words in ("norepinephrine, mcg/min", "norepinephrine, mcg/kg/min", "vasopressin: rate unknown"):
        assert words in headings
    assert page.data["figure-1"]["layout"]["xaxis"]["title"]["text"].endswith("UTC")


def test_what_was_never_measured_is_unknown_and_the_grade_a_floor(tmp_path: Path) -> None:
    page, _ = report(tmp_path, vitals("10:00", temperature_celsius=38.6), vitals("11:00", systolic_mmhg=85))
    figure = page.data["figure-1"]
    assert panel(figure, "SpO2").endswith("unknown, no readings</b>")
    assert "unknown" in panel(figure, "Oxygen support")
    bands = figure["data"][0]
    assert bands["text"][-1] == "≥ 2"
    assert bands["marker"]["pattern"]["shape"][-1] == "/"
    assert "a floor, unknown:" in bands["customdata"][-1]
    assert "the grade is a floor" in page.text


def test_a_whole_grade_is_not_hatched(tmp_path: Path) -> None:
    page, _ = report(tmp_path, *course(), vitals("11:00", mean_arterial_mmhg=60, spo2_percent=97))
    bands = page.data["figure-1"]["data"][0]
    assert bands["text"][-1] == "2"
    assert bands["marker"]["pattern"]["shape"][-1] == ""


def test_alerts_and_doses_say_what_they_rest_on(tmp_path: Path) -> None:
    page, _ = report(tmp_path, *course())
    tips = [tip for trace in page.data["figure-1"]["data"] for tip in trace.get("customdata", [])]
    grade_2 = next(tip for tip in tips if "<b>CRS grade 2</b>" in tip)
    for words in ("systolic pressure 84 mmHg, 2026-03-01 10:20 UTC", "Rule escalation (house", "Rests on"):
        assert words in grade_2
    assert any("tocilizumab 640 mg, 2026-03-01 10:40 UTC" in tip for tip in tips)
    assert "systolic pressure 84 mmHg" in page.text


@pytest.mark.parametrize(
    "hostile", ["</script><img src=x>", "<b onmouseover=alert(1)>", '"><svg/onload=x>', "&lt;i&gt;"]
)
def test_nothing_that_a_feed_says_becomes_part_of_the_page(tmp_path: Path, hostile: str) -> None:
    known = context("10:00", hostile, unit=hostile, product=hostile, bed=hostile)
    drug = medication("10:30", hostile, "given", hostile, dose=1, dose_unit="mg")
    page, text = report(tmp_path, known, *course(hostile)[1:], drug)
    assert hostile in page.text
    assert not {"img", "svg", "i"} & set(page.tags)
    assert hostile not in text.partition("<main")[2].partition("<footer")[0]
    go.Figure(page.data["figure-1"])


def test_a_dead_letter_is_counted_with_its_reason(tmp_path: Path) -> None:
    page, _ = report(tmp_path, *course(), vitals("12:00", systolic_mmhg=900))
    assert "1 dead letters 1 implausible value" in page.text


def test_the_list_begins_with_the_worst(tmp_path: Path) -> None:
    well, hot = vitals("09:00", "well", temperature_celsius=37), vitals("09:30", "hot", temperature_celsius=39)
    _, text = report(tmp_path, well, hot, *course("ill"))
    rows = re.findall(r'<th scope="row"><a href="#patient-\d+">(\w+)</a>', text)
    assert rows == ["ill", "hot", "well"]
