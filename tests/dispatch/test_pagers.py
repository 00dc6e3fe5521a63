"""What each kind of pager sends, and how it reads answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from agents.dispatch.config import PagingConfig
from agents.dispatch.page import Page
from agents.dispatch.pagers import http
from agents.dispatch.pagers.alertmanager import AlertmanagerConfig, AlertmanagerPager
from agents.dispatch.pagers.console import ConsoleConfig, ConsolePager
from agents.dispatch.pagers.notify import AppriseConfig, ApprisePager
from agents.dispatch.pagers.pagerduty import PagerdutyConfig, PagerdutyPager, dedup_key
from agents.dispatch.pagers.protocol import Pager, PagerAnswer
from agents.dispatch.pagers.registry import build_pagers
from agents.dispatch.pagers.webhook import WebhookConfig, WebhookPager
from agents.platform.errors import UserError
from tests.dispatch.page_examples import AT, page
from tests.dispatch.receiver import Receiver, receiver

OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEY": "routing-key", "OLD": OLD, "NEW": NEW}.items():
        monkeypatch.setenv(name, value)


def send(pager: Pager, *pages: Page) -> list[PagerAnswer]:
    async def all_of_them() -> list[PagerAnswer]:
        answers = [await pager.send(one) for one in pages]
        await pager.close()
        return answers

    return asyncio.run(all_of_them())


def pagerduty(url: str) -> PagerdutyPager:
    return PagerdutyPager(
        PagerdutyConfig.model_validate({"kind": "pagerduty", "routing_key": {"env": "KEY"}, "url": url})
    )


def alertmanager(*urls: str, **given: object) -> AlertmanagerPager:
    return AlertmanagerPager(
        AlertmanagerConfig.model_validate({"kind": "alertmanager", "urls": urls} | given), "dispatch"
    )


def webhook(url: str, *secrets: str) -> WebhookPager:
    at = {"kind": "webhook", "url": f"{url}/hook", "secrets": [{"env": name} for name in secrets or ("OLD",)]}
    return WebhookPager(WebhookConfig.model_validate(at))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "accepted"),
        (202, "accepted"),
        (204, "accepted"),
        (301, "rejected"),
        (400, "rejected"),
        (401, "rejected"),
        (404, "rejected"),
        (408, "retry"),
        (410, "removed"),
        (413, "rejected"),
        (425, "retry"),
        (429, "retry"),
        (500, "retry"),
        (502, "retry"),
        (503, "retry"),
        (504, "retry"),
    ],
)
def test_each_status_is_final_or_worth_another_attempt(status: int, outcome: str) -> None:
    assert http.answer_to_status(status).outcome == outcome


def test_retry_after_may_be_seconds_or_a_date_and_an_invalid_one_is_ignored() -> None:
    assert http.answer_to_status(429, "7").retry_after_seconds == 7
    in_a_minute = http.retry_after_seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert in_a_minute is not None
    assert 55 < in_a_minute <= 60
    assert http.retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert http.retry_after_seconds("soon") is None
    assert http.retry_after_seconds("-5") is None


@pytest.mark.parametrize(
    "absurd",
    [
        "9" * 400,
        "\N{SUPERSCRIPT TWO}",
        "1e400",
        "",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Fri, 31 Dec 99999 23:59:59 GMT",
    ],
)
def test_an_absurd_retry_after_refuses_no_page(absurd: str) -> None:
    answer = http.answer_to_status(429, absurd)
    assert answer.outcome == "retry"
    assert answer.retry_after_seconds is None or answer.retry_after_seconds >= 0


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ([+-]\d+|GMT)?", fullmatch=True))
def test_no_retry_after_refuses_a_page(retry_after: str) -> None:
    assert http.answer_to_status(503, retry_after).outcome == "retry"


@pytest.mark.parametrize("mode", ["down", "resets"])
def test_a_connection_that_breaks_is_worth_another_attempt(mode: str, service: Receiver) -> None:
    service.mode = mode
    (answer,) = send(webhook(service.url), page())
    assert answer.outcome == "retry"


def test_no_redirect_is_followed_because_it_would_carry_keys(service: Receiver, other: Receiver) -> None:
    service.mode, service.location = "307", other.url
    (answer,) = send(webhook(service.url), page())
    assert answer == PagerAnswer("rejected", "HTTP 307")
    assert other.tried == 0


def test_a_refused_connection_is_worth_another_attempt() -> None:
    (answer,) = send(webhook("http://127.0.0.1:1"), page())
    assert answer == PagerAnswer("retry", "ClientConnectorError")


def test_pagerduty_gets_one_incident_for_each_key_with_severity_and_place(service: Receiver) -> None:
    pages = [
        page(priority="medium", link="https://board.example/a1"),
        page("update", "updated", priority="medium"),  # not sent: it would open again what a person closed there
        page("close", "superseded", primary=False),
        page("open", "worsened", key="a1:g3", grade=3),
        page("acknowledge", "acknowledged", key="a1:g3"),
        page("close", "over", key="a1:g3", status="resolved"),
    ]
    assert {answer.outcome for answer in send(pagerduty(service.url), *pages)} == {"accepted"}
    events = service.posts()
    assert [(e["event_action"], e["dedup_key"]) for e in events] == [
        ("trigger", "a1"),
        ("resolve", "a1"),
        ("trigger", "a1:g3"),
        ("acknowledge", "a1:g3"),
        ("resolve", "a1:g3"),
    ]
    assert events[0] == {
        "routing_key": "routing-key",
        "event_action": "trigger",
        "dedup_key": "a1",
        "payload": {
            "summary": "CRS grade rose, grade 2 - bed 12 7A - ref 5f1c",
            "severity": "error",
            "source": "7A 12",
            "timestamp": "2026-03-04T10:00:00+00:00",
            "component": "crs-monitor",
            "group": "5f1c",
            "class": "escalation",
            "custom_details": {"reference": "5f1c", "priority": "medium", "cause": "raised"},
        },
        "links": [{"href": "https://board.example/a1", "text": "Open the alert"}],
    }
    assert events[2]["payload"]["severity"] == "critical"
    assert {received.path for received in service.taken} == {"/v2/enqueue"}


def test_a_dedup_key_is_never_longer_than_pagerduty_allows() -> None:
    assert dedup_key("x" * 255) == "x" * 255
    assert len(dedup_key("x" * 256)) == 64
    assert dedup_key("x" * 256) != dedup_key("x" * 257)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [("high", "critical"), ("medium", "error"), ("low", "warning"), ("technical", "error")],
)
def test_pagerduty_severities(priority: str, severity: str, service: Receiver) -> None:
    send(pagerduty(service.url), page(priority=priority))
    assert service.posts()[0]["payload"]["severity"] == severity


def test_a_webhook_is_signed_so_that_the_library_agrees(service: Receiver) -> None:
    send(webhook(service.url), page(link="https://board.example/a1"))
    (received,) = service.taken
    message = Verifier(OLD).verify(received.body, received.headers)
    assert message["type"] == "crs.alert.open"
    assert message["data"]["alert_id"] == "a1"
    assert received.headers["webhook-id"] == "a1.1"
    with pytest.raises(WebhookVerificationError):
        Verifier(NEW).verify(received.body, received.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(OLD).verify(received.body.replace(b"a1", b"a2"), received.headers)


def test_keys_of_a_webhook_can_be_changed_without_a_gap(service: Receiver) -> None:
    send(webhook(service.url, "NEW", "OLD"), page())
    (received,) = service.taken
    for key in (OLD, NEW):
        Verifier(key).verify(received.body, received.headers)


def test_a_webhook_is_sent_alerts_and_not_their_incidents(service: Receiver) -> None:
    send(webhook(service.url), page("close", "superseded", primary=False), page("open", "again", key="a1:2", repeat=1))
    assert [received.headers["webhook-id"] for received in service.taken] == ["a1.1.1"]


def test_alertmanager_always_gets_both_times_and_labels_that_do_not_change(service: Receiver) -> None:
    opened, moved = (
        page(),
        page("update", "eased", bed="14", unit="8B", priority="medium", level="high", status="updated"),
    )
    before = datetime.now(UTC)
    send(alertmanager(service.url, refresh_seconds=30, outlive_refreshes=10), opened, moved, page("close", "over"))
    first, second, last = (posted[0] for posted in service.posts())
    assert first["labels"] == second["labels"] == last["labels"]
    assert first["labels"] | {"severity": "critical", "incident": "a1"} == first["labels"]
    assert second["annotations"]["bed"] == "14"
    assert first["startsAt"] == AT.isoformat()
    ends = [datetime.fromisoformat(alert["endsAt"]) for alert in (first, last)]
    assert timedelta(seconds=299) < ends[0] - before < timedelta(seconds=302)
    assert before <= ends[1] <= datetime.now(UTC)
    assert all(alert["startsAt"] <= alert["endsAt"] for alert in (first, second, last))


def test_an_alert_from_a_clock_that_is_ahead_does_not_start_after_it_ends(service: Receiver) -> None:
    send(alertmanager(service.url), page("close", "over", raised_at=datetime.now(UTC) + timedelta(minutes=1)))
    ((alert,),) = service.posts()
    assert alert["startsAt"] <= alert["endsAt"]


def test_an_empty_label_is_rejected_because_two_patients_would_become_one(service: Receiver) -> None:
    (answer,) = send(alertmanager(service.url), page(reference=""))
    assert answer == PagerAnswer("rejected", "empty label reference")
    assert service.taken == []


def test_the_whole_open_set_is_posted_with_the_dead_man_alert(service: Receiver) -> None:
    pager = alertmanager(service.url)

    async def refresh() -> None:
        await pager.refresh([page(), page(key="a2")], alive=True)
        await pager.refresh([page()], alive=False)
        await pager.refresh([page(key=f"a{n}") for n in range(501)], alive=False)
        await pager.close()

    asyncio.run(refresh())
    sets = [
        [alert["labels"].get("incident", alert["labels"]["alertname"]) for alert in post] for post in service.posts()
    ]
    assert sets[:2] == [["a1", "a2", "CrsMonitorAlive"], ["a1"]]
    assert [len(post) for post in sets[2:]] == [500, 1]


def test_one_member_of_the_cluster_is_enough_and_none_is_worth_another_attempt(service: Receiver) -> None:
    assert send(alertmanager("http://127.0.0.1:1", service.url), page())[0].outcome == "accepted"
    assert send(alertmanager("http://127.0.0.1:1"), page())[0].outcome == "retry"
    service.mode = "400"
    assert send(alertmanager(service.url), page())[0].outcome == "rejected"


def test_chat_and_mail_get_one_line_and_no_updates(service: Receiver) -> None:
    address = service.url.replace("http", "json") + "/notify"
    config = AppriseConfig.model_construct(kind="apprise", urls=(SecretStr(address),)).model_copy(
        update={"send_close": True}
    )
    answers = send(
        ApprisePager(config, "place"),
        page(),
        page("update", "updated"),
        page("acknowledge", "acknowledged"),
        page("close", "over", status="resolved"),
    )
    assert {answer.outcome for answer in answers} == {"accepted"}
    assert [(post["title"], post["message"]) for post in service.posts()] == [
        ("CRS: urgent", "CRS grade rose, grade 2 - bed 12 7A - ref 5f1c"),
        ("CRS: over", "CRS grade rose, grade 2 - bed 12 7A - ref 5f1c"),
    ]


def test_a_failed_chat_message_is_worth_another_attempt(service: Receiver) -> None:
    service.mode = "500"
    config = AppriseConfig.model_construct(kind="apprise", urls=(SecretStr(service.url.replace("http", "json")),))
    (answer,) = send(ApprisePager(config, "place"), page())
    assert answer == PagerAnswer("retry", "not delivered")


def test_an_address_that_apprise_does_not_know_is_an_error_that_does_not_show_it() -> None:
    config = AppriseConfig.model_construct(kind="apprise", urls=(SecretStr("nonsense://secret-password"),))
    with pytest.raises(UserError) as error:
        ApprisePager(config, "dispatch.destinations.mail")
    assert error.value.message == "dispatch.destinations.mail: address 1 is none that apprise knows"


def test_the_console_prints_one_line_for_each_page(capsys: pytest.CaptureFixture[str]) -> None:
    send(ConsolePager(ConsoleConfig(kind="console")), page(), page("close", "superseded", primary=False))
    assert capsys.readouterr().out == "10:00:00 PAGE   high      CRS grade rose, grade 2 - bed 12 7A - ref 5f1c [a1]\n"


def built(settings: Mapping[str, object]) -> dict[str, Pager]:
    config = PagingConfig.model_validate(settings)
    return build_pagers(config.destinations, config.name)


def test_every_kind_can_be_built_and_a_bad_signing_key_is_named_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFERENCE", "a-long-enough-secret")
    destinations = {
        "desk": {"kind": "console"},
        "rack": {"kind": "alertmanager", "urls": ["http://127.0.0.1:9093"]},
        "duty": {"kind": "pagerduty", "routing_key": {"env": "KEY"}},
        "hook": {"kind": "webhook", "url": "http://127.0.0.1:1/", "secrets": [{"env": "OLD"}]},
        "alarm": {"kind": "acm", "host": "127.0.0.1", "port": 2575},
    }
    settings = {"reference_secret": {"env": "REFERENCE"}, "default": [["desk"]], "destinations": destinations}
    assert set(built(settings)) == set(destinations)
    monkeypatch.setenv("OLD", "whsec_!")
    with pytest.raises(UserError, match=r"^dispatch\.destinations\.hook\.secrets: not base64, as in whsec_\.\.\.$"):
        built(settings)


def test_no_message_contains_more_than_a_public_alert(service: Receiver) -> None:
    send(webhook(service.url), page())
    send(pagerduty(service.url), page())
    send(alertmanager(service.url), page())
    sent = " ".join(json.dumps(post) for post in service.posts())
    assert "patient" not in sent
