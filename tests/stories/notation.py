"""The notation of outcomes in stories: alerts by kind and level, and the state of the patient.

escalation 3                      raised; also `… updated`, `… resolved`, `… retracted`, `… acknowledged`, `… snoozed`
dose_indicated (medium; 640 mg)   details are compared where a story names them
grade 2, basis masked             the state of the patient, where a story asks
verdict late                      why no alert was raised
dead letter implausible_value     what was set aside
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, get_args

from monitor.units import to_ms
from schemas.alert_kinds import PRIORITIES
from schemas.alerts import Alert, AlertKind
from schemas.state import PatientState
from tests.stories import clock
from tests.stories.engines import EngineOutput

PREFIXES = {
    "step": "step-",
    "review": "review-",
    "data_quality": "data-",
    "refractory": "refractory-",
}
VARIANTS = {"dose-consider": "consider", "dose-delay": "delayed", "dose-interval": "interval"}


class AlertNames:
    """What each alert is called; a level keeps its name while the grade moves on."""

    def __init__(self) -> None:
        self._levels: dict[str, int] = {}

    def of(self, alert: Alert) -> str:
        """Kind and level of an alert, and what happened to it."""
        grade = self._levels.setdefault(alert.alert_id, alert.grade)
        parts: list[str] = [alert.kind]
        if alert.kind == "recovery" and alert.title.endswith("ended"):
            parts.append("ended")
        elif alert.kind in ("escalation", "recovery"):
            parts.append(str(grade))
        elif alert.kind in PREFIXES:
            parts.append(alert.rule.id.removeprefix(PREFIXES[alert.kind]))
        elif alert.rule.id in VARIANTS:
            parts.append(VARIANTS[alert.rule.id])
        return " ".join([*parts, *_change(alert)])


def _change(alert: Alert) -> list[str]:
    if alert.status == "raised":
        return []
    if alert.status == "updated" and alert.reason is not None:
        return ["snoozed" if alert.reason.startswith("snoozed") else "acknowledged"]
    return [alert.status]


def is_alert(name: str) -> bool:
    """Whether a name is that of an alert."""
    return name.split()[0] in get_args(AlertKind)


class Token(NamedTuple):
    """One part of an outcome: `dose_indicated`, with the details a story asks for."""

    patient_id: str
    name: str
    details: tuple[str, ...]

    def __str__(self) -> str:
        patient = "" if self.patient_id == "A" else f"{self.patient_id}: "
        return f"{patient}{self.name}" + (f" ({'; '.join(self.details)})" if self.details else "")


def tokens(outcome: str) -> list[Token]:
    """The parts of the outcome in a cell of a story."""
    return [] if outcome == "-" else [_token(part) for part in re.split(r", (?![^(]*\))", outcome)]


def _token(text: str) -> Token:
    found = re.fullmatch(r"(?:(?P<patient>[A-Z]): )?(?P<name>[^(]+?)(?: \((?P<details>.*)\))?", text)
    assert found is not None, f"'{text}' is not in the notation of stories"
    details = found["details"]
    return Token(found["patient"] or "A", found["name"], tuple(details.split("; ")) if details else ())


def outcome_in_notation(
    expected: list[Token], output: EngineOutput, names: AlertNames, view: Callable[[str], PatientState], today: int
) -> str:
    """The actual outcome: first what was expected, in that order and with those details, then the rest."""
    alerts = [(alert, names.of(alert)) for alert in output.alerts]
    verdicts, dead_letters = list(dict.fromkeys(output.verdicts)), list(output.dead_letters)
    written: list[str] = []
    for token in expected:
        match = next((a for a in alerts if a[1] == token.name and a[0].patient_id == token.patient_id), None)
        if match is not None:
            alerts.remove(match)
            written.append(str(token._replace(details=tuple(_detail(d, match[0], today) for d in token.details))))
        elif token.name.startswith("verdict "):
            there = token.name.removeprefix("verdict ") in verdicts
            written.append(str(token) if there else f"verdict {'/'.join(verdicts) or 'none'}")
        elif token.name.startswith("dead letter "):
            written += [f"dead letter {dead_letters.pop(0)}"] if dead_letters else []
        elif (detail := _state_detail(token.name, view(token.patient_id), today)) is not None:
            written.append(str(token._replace(name=detail)))
    written += [str(Token(alert.patient_id, name, ())) for alert, name in alerts]
    written += [f"dead letter {reason}" for reason in dead_letters]
    return ", ".join(written) or "-"


def _detail(asked: str, alert: Alert, today: int) -> str:
    """A detail of an alert, in the form in which it was asked for."""
    advice = alert.recommendation
    word = asked.split()[0]
    if asked in PRIORITIES:
        return alert.priority
    if re.fullmatch(r"[\d.]+ mg", asked) or asked == "dose unknown":
        return "dose unknown" if advice is None or advice.dose_mg is None else f"{advice.dose_mg:g} mg"
    match word:
        case "silent":
            text = f"{alert.title} {alert.message}".lower()
            return asked if asked.removeprefix("silent on ").lower() not in text else f"says {text}"
        case "says":
            text = f"{alert.title} {alert.message} {'' if advice is None else advice.limits}"
            return asked if asked.removeprefix("says ").lower() in text.lower() else f"says {text}"
        case "source":
            return asked if asked.removeprefix("source ") in alert.rule.source else f"source {alert.rule.source}"
        case "since":
            return f"since {_shown(alert.effective_at, today)}"
        case "not":
            before = None if advice is None else advice.not_before
            return "not before " + ("nothing" if before is None else _shown(before, today))
        case "ASTCT":
            return f"ASTCT {alert.astct_grade}"
        case "grade":
            return f"grade {alert.grade}"
        case "version":
            return f"version {alert.version}"
        case "episode":
            return f"episode {alert.episode}"
        case "because":
            return f"because {alert.reason}"
        case "unknown":
            missing = asked.removeprefix("unknown ") in alert.unknown
            return asked if missing else f"unknown {'/'.join(alert.unknown) or 'nothing'}"
        case "rests":
            signals = [e.signal for e in alert.evidence]
            return asked if asked.removeprefix("rests on ") in signals else f"rests on {'/'.join(signals) or 'nothing'}"
    raise ValueError(f"'{asked}' is no detail that a story can ask for")


def _shown(at: datetime | None, today: int) -> str:
    return "never" if at is None else clock.show(to_ms(at), today)


STATE_DETAILS: dict[str, Callable[[PatientState, int], object]] = {
    "grade": lambda state, _: state.grade,
    "ASTCT": lambda state, _: state.astct_grade,
    "basis": lambda state, _: state.grade_basis,
    "episode": lambda state, _: state.episode,
    "peak": lambda state, _: state.peak_grade,
    "onset at": lambda state, today: _shown(state.onset_at, today),
    "grade since": lambda state, today: _shown(state.grade_since, today),
    "fever": lambda state, _: state.axes.fever.grade,
    "hypotension": lambda state, _: state.axes.hypotension.grade,
    "hypotension since": lambda state, today: _shown(state.axes.hypotension.since, today),
    "hypoxia": lambda state, _: state.axes.hypoxia.grade,
    "hypotension attribution": lambda state, _: state.axes.hypotension.attribution,
    "hypoxia attribution": lambda state, _: state.axes.hypoxia.attribution,
    "fever attribution": lambda state, _: state.axes.fever.attribution,
    "doses in 24 h": lambda state, _: state.tocilizumab.count_24h,
    "doses in episode": lambda state, _: state.tocilizumab.count_total,
    "last dose": lambda state, today: _shown(state.tocilizumab.last_at, today),
    "next dose": lambda state, today: _shown(state.tocilizumab.next_eligible_at, today),
    "dose": lambda state, _: "unknown" if (mg := state.tocilizumab.dose_mg) is None else f"{mg:g} mg",
    "blocked by": lambda state, _: state.tocilizumab.blocked_by or "nothing",
    "unknown": lambda state, _: "/".join(sorted(state.unknown)) or "nothing",
    "monitoring": lambda state, _: state.monitoring,
    "reminder": lambda state, _: "/".join(re.sub(r":.*;", "", reminder) for reminder in state.reminders) or "none",
    "supports": lambda state, _: "/".join(s.name for s in state.supports) or "none",
    "age": lambda state, _: f"{state.context.age_years:g}" if state.context.age_years is not None else "unknown",
    "lies in": lambda state, _: f"{state.context.unit} {state.context.bed}",
    "merged into": lambda state, _: state.context.merged_into,
    "open": lambda state, _: "/".join(sorted(a.kind for a in state.alerts)) or "nothing",
}


def _state_detail(asked: str, state: PatientState, today: int) -> str | None:
    """One detail of the state; None when the text does not ask for one."""
    if latest := re.fullmatch(r"latest (\w+) .*", asked):
        reading = state.latest.get(latest[1])
        return f"latest {latest[1]} " + (
            f"{reading.value:g} at {_shown(reading.effective_at, today)}" if reading else "none"
        )
    name = next((name for name in sorted(STATE_DETAILS, key=len, reverse=True) if asked.startswith(f"{name} ")), None)
    return None if name is None else f"{name} {STATE_DETAILS[name](state, today)}"
