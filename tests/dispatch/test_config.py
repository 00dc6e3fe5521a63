"""Settings of paging: errors name the setting, secrets are not shown, and the example file is valid."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.dispatch.config import load
from agents.dispatch.public_alert import PublicAlert, template_fault, text
from agents.platform.errors import UserError
from agents.platform.settings import load as load_settings
from tests.dispatch.page_examples import page

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "dispatch.example.toml"
GOOD = """
[dispatch]
reference_secret = { env = "REFERENCE" }
default = [["desk"]]
[dispatch.destinations.desk]
kind = "console"
"""


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERENCE", "a-long-enough-secret")


def error_text(tmp_path: Path, text: str) -> str:
    file = tmp_path / "dispatch.toml"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        load(file)
    return error.value.message.removeprefix(f"{file}: ")


def test_a_small_file_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    file.write_text('topic_prefix = "ward."\n' + GOOD)
    assert load(file).policy().routing.default == (("desk",),)
    assert load_settings(file).topic_prefix == "ward."  # one file for both


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "console"', 'kind = "consol"', "destinations.desk: Input tag 'consol'"),
        ('kind = "console"', 'kind = "console"\ncolour = 1', "destinations.desk.console.colour: no such setting"),
        ('{ env = "REFERENCE" }', '"written-down-secret"', "reference_secret: give the place of the secret"),
        ('{ env = "REFERENCE" }', '{ env = "NOT_SET" }', "reference_secret: environment variable NOT_SET is not set"),
        ('{ env = "REFERENCE" }', '{ file = "/not/there" }', "reference_secret: /not/there: No such file or directory"),
        ('[["desk"]]', '[["dask"]]', "no destination dask; there are desk"),
        ('[["desk"]]', "[]", "default: "),
        (
            'kind = "console"',
            'kind = "console"\nsecond = "desk"',
            "destinations.desk.second: cannot be its own fallback",
        ),
        ('kind = "console"', 'kind = "console"\ntemplate = "{patient_id}"', "unknown field {patient_id}"),
        ('kind = "console"', 'kind = "console"\ntemplate = "{bed!r}"', "{bed} takes no format"),
        ('kind = "console"', 'kind = "alertmanager"\nurls = ["rack:9093"]', "must begin with http:// or https://"),
        ('kind = "console"', 'kind = "acm"\nhost = "h"\nport = 99999', "destinations.desk.acm.port"),
        ("default =", 'zone = "Mars/Olympus"\ndefault =', "zone: no time zone 'Mars/Olympus'"),
        ("default =", 'link = "https://b/{token}"\ndefault =', "link: {token} needs callbacks"),
        ("default =", 'link = "https://b/{patient_id}"\ndefault =', "link: unknown field {patient_id}"),
        ("default =", 'link = "board/1"\ndefault =', "link: must begin with http:// or https://"),
        ("default =", "again_after_seconds = 400\ndefault =", "next_tier_after_seconds is before again_after_seconds"),
        ("default =", 'routes = [{ kinds = ["onsett"], tiers = [] }]\ndefault =', "no alert kind onsett"),
        ("default =", 'routes = [{ begin = "07:00", tiers = [] }]\ndefault =', "begin and end go together"),
        ("default =", 'routes = [{ priorities = ["urgent"], tiers = [] }]\ndefault =', "routes.0.priorities"),
        ("default =", 'routes = [{ tiers = [["ghost"]] }]\ndefault =', "no destination ghost"),
        ("[dispatch", "[dispach", "no table [dispatch]"),
    ],
)
def test_an_error_names_the_setting(old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in GOOD
    found = error_text(tmp_path, GOOD.replace(old, new))
    assert expected in found
    assert "written-down-secret" not in found
    assert "\n" not in found


def test_a_short_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERENCE", "short")
    assert "reference_secret: at least 16 characters" in error_text(tmp_path, GOOD)


def test_without_a_file_the_error_names_the_example() -> None:
    with pytest.raises(UserError, match=r"deploy/dispatch\.example\.toml"):
        load(None)


def test_the_example_is_valid_and_routes_by_day_and_night(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CRS_REFERENCE_SECRET", "CRS_CALLBACK_TOKEN", "CRS_PAGERDUTY_KEY", "CRS_PAGERDUTY_SENIOR_KEY"):
        monkeypatch.setenv(name, "a-long-enough-secret")
    monkeypatch.setenv("CRS_PAGERDUTY_HOOK_SECRET", "a-long-enough-secret")
    monkeypatch.setenv("CRS_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("CRS_MAIL_URL", "mailtos://user:password@mail.example")
    routing = load(EXAMPLE).policy().routing
    alert = page(priority="medium").alert
    day, night = datetime(2026, 3, 4, 12, tzinfo=UTC), datetime(2026, 3, 4, 2, tzinfo=UTC)
    assert routing.tiers(alert, day) != routing.tiers(alert, night)
    assert routing.tiers(page().alert, day) == routing.tiers(page().alert, night) == routing.default


def test_hours_over_midnight_are_in_the_time_zone_of_the_ward(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    line = '{ begin = "22:00", end = "06:00", tiers = [] }'
    file.write_text(GOOD.replace("default =", f'zone = "Europe/Berlin"\nroutes = [{line}]\ndefault ='))
    routing = load(file).policy().routing
    alert = page().alert
    summer = [routing.tiers(alert, datetime(2026, 7, 1, hour, 59, tzinfo=UTC)) for hour in (19, 20, 3, 4)]
    assert [bool(tiers) for tiers in summer] == [True, False, False, True]


def test_a_text_has_no_field_for_a_patient() -> None:
    assert template_fault("{what} {bed} {link}") is None
    assert template_fault("{message}") is not None
    assert template_fault("{") is not None
    plain: PublicAlert = page(bed=None, unit=None).alert
    assert text(plain) == "CRS grade rose, grade 2 - bed unknown - ref 5f1c"
