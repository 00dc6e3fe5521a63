"""Any alert can be checked by hand: it names its rule, the source of the rule, and evidence that is on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from monitor.units import to_integer, to_tenths
from schemas.alerts import Evidence
from schemas.events import Vitals
from tests.stories.engines import GUIDELINES
from tests.stories.story_file import Story, every_story
from tests.stories.story_result import result_of

STORIES = every_story()
# Without evidence: an exception of the worker, a clock that is ahead, a patient without vitals, a merge.
WITHOUT_EVIDENCE = {"unmonitored", "data-clock", "signal-lost", "data-merge"}


def wrong(evidence: Evidence, events: dict[str, list[dict[str, Any]]]) -> list[str]:
    """How a piece of evidence differs from the event that it names; of several of that id from the most like it."""
    if evidence.event_id is None:
        return []
    if evidence.event_id not in events:
        return [f"no event {evidence.event_id}"]
    return min((list(differences(evidence, event)) for event in events[evidence.event_id]), key=len)


def differences(evidence: Evidence, event: dict[str, Any]) -> Iterator[str]:
    """How a piece of evidence differs from an event."""
    effective_at = datetime.fromisoformat(event["effective_at"])
    if evidence.effective_at is not None and evidence.effective_at > effective_at:
        yield f"{evidence.signal} at {evidence.effective_at}, charted as true at {effective_at}"
    if event["type"] == "medication":
        if evidence.signal in Vitals.model_fields:
            yield f"{evidence.signal} from a line of the medication record"
    elif evidence.signal in event and printed(evidence.signal, event[evidence.signal]) != evidence.value:
        yield f"{evidence.signal} {evidence.value}, charted as {event[evidence.signal]}"


def printed(signal: str, value: Any) -> Any:
    """A reading at the resolution at which it is judged."""
    if signal == "temperature_celsius":
        return to_tenths(value) / 10
    return to_integer(value) if signal.endswith(("_mmhg", "_percent")) else value


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_what_an_alert_rests_on_is_on_record(story: Story) -> None:
    alerts, events, _ = result_of(story)
    found = [f"{alert.kind}: {problem}" for alert in alerts for e in alert.evidence for problem in wrong(e, events)]
    assert found == []


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_an_alert_says_its_rule_its_source_and_what_it_rests_on(story: Story) -> None:
    profile = GUIDELINES[story.profile].profile
    for alert in result_of(story).alerts:
        assert (alert.rule.profile, alert.rule.profile_version) == (profile.name, profile.version)
        assert alert.rule.source == profile.source_of(alert.rule.id)
        assert alert.title
        assert "\n" not in alert.title + alert.message
        assert alert.status not in ("resolved", "retracted") or alert.reason
        if alert.status == "raised" and alert.rule.id not in WITHOUT_EVIDENCE and alert.kind != "recovery":
            assert alert.evidence, alert.title


def test_evidence_that_is_not_so_is_found() -> None:
    events = {"A-1": [{"type": "vitals", "effective_at": "2026-03-02T10:00:00+00:00", "systolic_mmhg": 84.4}]}
    at = datetime.fromisoformat("2026-03-02T10:00:00+00:00")
    assert wrong(Evidence(signal="systolic_mmhg", value=84.0, event_id="A-1", effective_at=at), events) == []
    assert wrong(Evidence(signal="systolic_mmhg", value=85.0, event_id="A-1"), events) != []
    assert wrong(Evidence(signal="systolic_mmhg", value=84.0, event_id="A-2"), events) == ["no event A-2"]
