"""Describes one stay in sentences, in time order: observations, alerts, doses. Chooses the most instructive stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import NamedTuple

from agents.replay.injected_doses import INJECTED
from agents.report.chart import AlertLife, Chart, GivenDose
from monitor.units import MINUTE, clock, duration, to_ms
from schemas import wording
from schemas.alert_kinds import ALERT_KINDS, report_order
from schemas.alerts import Alert
from schemas.field_types import DISCHARGED
from schemas.wording import differing_grades

# Events within this time are one paragraph.
TOGETHER = 5 * MINUTE
MAX_PARAGRAPHS = 18
MAX_EVIDENCE = 3
RULE = (
    "Chosen by a rule: among the stays of at most ten days in which a measured fever began the episode, the grade "
    "reached 3 or 4 and ended at least two lower, the one with the most different kinds of alert; then with most "
    "tocilizumab; then the shortest."
)
LONGEST_DAYS = 10


class Narrative(NamedTuple):
    """The text of one stay; `number`: the patient's number in the report; `why`: why this stay was chosen."""

    title: str
    why: str
    number: int
    sentences: tuple[str, ...]


class Moment(NamedTuple):
    """One sentence. `at`: time in ms; `rank`: order within a paragraph; `weight`: lighter ones are left out first."""

    at: int
    rank: int
    weight: int
    text: str


def most_instructive(charts: Iterable[Chart]) -> Narrative | None:
    """The narrative of the stay that RULE chooses; if none fulfils it, of any stay with alerts; None without alerts."""
    with_alerts = [chart for chart in charts if chart.alerts]
    chosen = min(
        [chart for chart in with_alerts if is_complete_course(chart)] or with_alerts, key=selection_key, default=None
    )
    return None if chosen is None else story_of(chosen)


def is_complete_course(chart: Chart) -> bool:
    """Whether a stay shows a whole course: onset by fever, grade 3 or more, and an improvement by two grades."""
    days = (chart.last_at - chart.first_at) / (24 * 60 * MINUTE)
    last = chart.crs_grades.value
    peak = max((life.first.grade for life in chart.alerts.values()), default=0)
    first = next((span.value for span in chart.crs_grades.spans(chart.last_at) if span.value.grade > 0), None)
    hot = first is not None and first.basis == "fever"
    return hot and days <= LONGEST_DAYS and peak >= 3 and last is not None and last.grade <= peak - 2


def selection_key(chart: Chart) -> tuple[int, int, int, int]:
    """Sort key of the choice, best first."""
    kinds = {life.first.kind for life in chart.alerts.values()}
    doses = sum(given.role == "tocilizumab" for given in chart.doses.values())
    return -len(kinds), -doses, chart.last_at - chart.first_at, chart.number


def story_of(chart: Chart, title: str = "The most instructive stay", why: str = RULE) -> Narrative:
    """The narrative of a stay; when there are too many paragraphs, those of the least weight are left out."""
    moments = sorted([*alert_moments(chart), *dose_moments(chart), *end_moment(chart)])
    paragraphs = list(grouped(moments))
    while len(paragraphs) > MAX_PARAGRAPHS:
        paragraphs.remove(min(paragraphs[1:-1], key=lambda one: (max(moment.weight for moment in one), one[0].at)))
    begins = paragraphs[0][0].at if paragraphs else 0
    who = f"{chart.context.age_years:g} years" if chart.context.age_years is not None else "age unknown"
    weight = f"{chart.context.weight_kg:g} kg" if chart.context.weight_kg is not None else "weight unknown"
    title = f"{title}: patient {chart.patient_id}, {who}, {weight}"
    return Narrative(title, why, chart.number, tuple(paragraph(one, begins) for one in paragraphs))


def grouped(moments: list[Moment]) -> Iterator[list[Moment]]:
    """Groups moments that are close in time into paragraphs."""
    begins = [moments[0].at] if moments else []
    for before, moment in pairwise(moments):
        begins.append(begins[-1] if moment.at - begins[-1] <= TOGETHER and before.at >= begins[-1] else moment.at)
    for _, group in groupby(zip(begins, moments, strict=True), key=lambda one: one[0]):
        yield sorted((moment for _, moment in group), key=lambda moment: (moment.rank, moment.at))


def paragraph(moments: list[Moment], begins: int) -> str:
    """One paragraph as text, with its time and the time since the first."""
    at = min(moment.at for moment in moments)
    after = "" if at == begins else f" (+{duration(at - begins)})"
    return f"{clock(at)}{after}: " + " ".join(dict.fromkeys(moment.text for moment in moments))


def dose_moments(chart: Chart) -> Iterator[Moment]:
    """Each dose of tocilizumab, and the first dose of each other drug that the rules count."""
    seen = set()
    for given in sorted(chart.doses.values()):
        if given.role == "tocilizumab":
            yield Moment(given.at, len(ALERT_KINDS), 9, f"{dose_text(given)}.")
        elif given.drug not in seen and given.role in ("steroid", "antipyretic", "siltuximab", "anakinra"):
            yield Moment(given.at, len(ALERT_KINDS), 2, f"{dose_text(given)}: from here on it can hide a fever.")
        seen.add(given.drug)


def end_moment(chart: Chart) -> Iterator[Moment]:
    """How the stay ended."""
    ends = {"discharged": "The patient is discharged.", "died": "The patient dies."}
    if chart.context.status in DISCHARGED:
        yield Moment(chart.last_at, len(ALERT_KINDS) + 1, 9, ends[chart.context.status])


def dose_text(given: GivenDose) -> str:
    """A dose."""
    amount = "" if given.dose_mg is None else f" {wording.amount(given.dose_mg)}"
    return f"{given.drug.capitalize()}{amount} is given" + (f" ({INJECTED})" if given.injected else "")


def alert_moments(chart: Chart) -> Iterator[Moment]:
    """The alerts; some kinds are mentioned only once for each rule."""
    once = set()
    for life in sorted(chart.alerts.values(), key=lambda life: life.first.raised_at):
        alert = life.first
        kind = ALERT_KINDS[alert.kind]
        if kind.story_weight == 0 or (kind.once_in_story and alert.rule.id in once):
            continue
        once.add(alert.rule.id)
        yield Moment(to_ms(alert.raised_at), report_order(alert.kind), kind.story_weight, sentence(life))


def sentence(life: AlertLife) -> str:
    """One alert as a sentence that can be read alone."""
    alert = life.first
    match alert.kind:
        case "onset":
            return f"{first_evidence(alert)} CRS is suspected: episode {alert.episode} begins.".strip()
        case "escalation":
            return f"CRS reaches grade {alert.grade}{differing_grades(alert)}. {first_evidence(alert)}".strip()
        case "masked_fever":
            return "There is no fever now, but what was given can hide one: the grade goes by pressure and oxygen."
        case "dose_indicated" | "repeat_dose_eligible":
            return f"{alert.title}: {recommended_dose(alert)}."
        case "step":
            return f"{alert.title}."
        case "recovery":
            # How late it was known does not matter in a narrative.
            return alert.message.partition(" Known late")[0]
        case _:
            return f"{alert.title}."


def first_evidence(alert: Alert) -> str:
    """The first observations that an alert rests on."""
    # The fever is mentioned with the onset.
    evidence = [one for one in alert.evidence if alert.kind == "onset" or one.signal != "temperature_celsius"]
    shown = ", ".join(wording.observed(one) for one in evidence[:MAX_EVIDENCE])
    return f"{shown[0].upper()}{shown[1:]}." if shown else ""


def recommended_dose(alert: Alert) -> str:
    """The dose that a recommendation asks for."""
    asks = alert.recommendation
    if asks is None:
        return "see the guideline"
    amount = "amount by weight, which is unknown" if asks.dose_mg is None else wording.amount(asks.dose_mg)
    return f"{amount} ({asks.dose_basis}); {asks.limits}" if asks.limits else f"{amount} ({asks.dose_basis})"
