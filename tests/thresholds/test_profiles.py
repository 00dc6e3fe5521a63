"""A profile is data: a third one is one file away, and one with a hole in it is refused with the place named."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from monitor.guidelines import in_force, profile_loader
from tests.changed_text import changed
from tests.stories.engines import Engine
from tests.stories.story_file import stories_of
from tests.stories.story_run import mismatch

HOUSE = (Path(profile_loader.__file__).parent / "profiles" / "house.toml").read_text(encoding="utf-8")
ASTCT = (Path(profile_loader.__file__).parent / "profiles" / "astct-2019.toml").read_text(encoding="utf-8")

# Grading after Lee 2014: several vasopressors are grade 3, and so is every support short of a ventilator.
LEE = [
    ('name = "house"', 'name = "lee-2014"'),
    (
        'vasopressors = 2\nvasopressin = false\ndose = "any"\ngrade = 4',
        'vasopressors = 2\nvasopressin = false\ndose = "any"\ngrade = 3',
    ),
    (
        'vasopressors = 2\nvasopressin = true\ndose = "any"\ngrade = 4',
        'vasopressors = 2\nvasopressin = true\ndose = "any"\ngrade = 3',
    ),
    (
        'devices = ["cpap", "bipap", "invasive_ventilation", "ecmo"]\nflow = "any"\ngrade = 4',
        'devices = ["cpap", "bipap"]\nflow = "any"\ngrade = 3\nsource = "L"\n'
        '[[hypoxia.support]]\ndevices = ["invasive_ventilation", "ecmo"]\nflow = "any"\ngrade = 4',
    ),
]

STORY = """
## Graded as in 2014
Two vasopressors and a mask with pressure are grade 3, a ventilator is grade 4; ASTCT stands beside it.
looks at: escalation

| when | what happens | what is told | why |
|---|---|---|---|
| 08:00 | patient weight_kg 80, infused_at 08:00 | - | |
| 10:00 | temperature_celsius 38.4, systolic_mmhg 98 charted | - | |
| 10:10 | norepinephrine started 30 mcg/min | escalation 3 | |
| 10:20 | epinephrine started 20 mcg/min | escalation 3 updated (high; says ASTCT 2019: grade 4), grade 3, ASTCT 4 | |
| 10:30 | oxygen_device bipap charted | grade 3, ASTCT 4 | |
| 10:40 | oxygen_device invasive_ventilation charted | escalation 3 resolved, escalation 4 | |
"""


def test_a_third_profile_is_one_data_file_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "lee-2014.toml").write_text(changed(HOUSE, *LEE), encoding="utf-8")
    (folder / "astct-2019.toml").write_text(ASTCT, encoding="utf-8")
    real = resources.files
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    third = profile_loader.load("lee-2014"), profile_loader.load("astct-2019")
    monkeypatch.setattr(resources, "files", real)
    (story,) = stories_of("planted.md", STORY)
    lee = in_force.Guideline(*third, in_force.load().formulary)
    assert mismatch(story, Engine(lee)) == ""


def test_a_profile_that_nobody_wrote_is_refused_with_those_there_are() -> None:
    with pytest.raises(profile_loader.ProfileError, match=r"no profile 'lee-2014'.*astct-2019, house"):
        profile_loader.load("lee-2014")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("from_years = 1\n", "from_years = 2\n"), "hypotension.systolic: gap from 1 to 2"),
        (("below_years = 11\n", "below_years = 12\n"), "hypotension.systolic: overlap from 11 to 12"),
        (("below_years = 121\n", "below_years = 100\n"), "hypotension.systolic: gap from 100"),
        (("below_kg = 30\n", "below_kg = 29\n"), "tocilizumab.by_weight: gap from 29 to 30"),
        (("below_kg = 30\n", "below_kg = 31\n"), "tocilizumab.by_weight: overlap from 30 to 31"),
        (('dose = "low"', 'dose = "other"'), "gap at vasopressors=1, vasopressin=False, dose=low"),
        (('dose = "other"', 'dose = "any"'), "overlap at vasopressors=1, vasopressin=False, dose=low"),
        (('dose = "low"\ngrade = 2', 'dose = "low"\ngrade = 0'), "support: grade 0 is none of 1 to 4"),
        (('flow = "any"\ngrade = 4', 'flow = "any"\ngrade = 5'), "support: grade 5 is none of 1 to 4"),
        (
            ('below = 20\nunit = "mcg/min"', 'below = 20\nunit = "units/min"'),
            "low_dose: norepinephrine: unit 'units/min'",
        ),
        (('devices = ["room_air"]', 'devices = ["blow_by"]'), "device room_air: gap"),
        (('devices = ["blow_by"]', 'devices = ["blow_by", "cpap"]'), "device cpap: overlap"),
        (
            ('flow = "up_to"\nlimit_l_per_min = 6', 'flow = "up_to"\nlimit_l_per_min = 5'),
            "device nasal_cannula: gap in flow from 5 to 6 L/min",
        ),
        (
            ('flow = "up_to"\nlimit_l_per_min = 6', 'flow = "up_to"\nlimit_l_per_min = 7'),
            "device nasal_cannula: overlap in flow from 6 to 7 L/min",
        ),
        (('fall_minutes = { value = 30, source = "P" }\n', ""), "missing 'confirmation.fall_minutes'"),
        (
            ('delay_minutes = { value = 60, source = "P" }', 'delay_minutes = { value = 60, source = "Q" }'),
            "delay_minutes",
        ),
        (('recovery = "P:', 'recovery = "X:'), "recovery: source 'X:"),
        (('recovery = "P:', 'discovery = "P:'), "rules: discovery is none of ours"),
        (("fall_minutes = { value = 30,", 'fall_minutes = { value = "half an hour",'), "half an hour"),
        (('mg_per_kg = 8\nsource = "G"', 'mg_per_kg = 8\nsource = "Q"'), "tocilizumab.by_weight 2: source 'Q'"),
        (('version = "2026.11"', "version = 2026.11.1"), "not TOML"),
    ],
)
def test_a_profile_with_a_hole_is_refused_with_the_place_named(change: tuple[str, str], place: str) -> None:
    with pytest.raises(profile_loader.ProfileError) as refusal:
        profile_loader.parse(changed(HOUSE, change), "ours.toml")
    assert str(refusal.value).startswith("ours.toml: ")
    assert place in str(refusal.value)


def test_a_value_without_a_source_is_refused() -> None:
    text = changed(HOUSE, ('fall_minutes = { value = 30, source = "P" }', "fall_minutes = { value = 30 }"))
    with pytest.raises(profile_loader.ProfileError, match="missing 'source'"):
        profile_loader.parse(text, "ours.toml")
    row = changed(HOUSE, ('mg_per_kg = 8\nsource = "G"', "mg_per_kg = 8"))
    with pytest.raises(profile_loader.ProfileError, match="missing 'source'"):
        profile_loader.parse(row, "ours.toml")


def test_a_rule_that_is_missing_is_refused() -> None:
    text = changed(HOUSE, ('recovery = "P: the grade fell after 30 min, or the episode ended"\n', ""))
    with pytest.raises(profile_loader.ProfileError, match="rules: recovery is missing"):
        profile_loader.parse(text, "ours.toml")
