"""The table of alert kinds: for each kind its texts, its place in lists, its default priority and what closes it.

A further kind is one entry here, its name in `schemas.alerts.AlertKind` (the published schema) and a rule in
`monitor/alerts/` that raises it. Board, dispatch, report, history and dashboards read this table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from schemas.alerts import Priority

# Lowest first. `technical` is for people who look after the feeds, so it is below everything clinical.
PRIORITIES: tuple[Priority, ...] = ("technical", "low", "medium", "high")
PRIORITY_RANK: dict[Priority, int] = {priority: rank for rank, priority in enumerate(PRIORITIES)}

# "condition": when its rule no longer asks for it; "acknowledgement": when somebody acknowledges it;
# "at_once": with the message that raises it.
ClosedBy = Literal["condition", "acknowledgement", "at_once"]


class AlertKindEntry(NamedTuple):
    """One kind of alert."""

    public_text: str  # what a pager shows; names no drug, value or patient
    list_order: int  # place among a patient's alerts of one priority on the board, lowest first
    default_priority: Priority  # a rule may deviate from it where the guideline does
    high_from_grade_3: bool = False  # the priority is high once either grade is 3 or more
    shows_grade: bool = False  # a pager shows the grade beside the text
    closed_by: ClosedBy = "condition"
    resolution: str = "no longer true"  # why it was closed, unless monitor/alerts/messages.py knows better
    outlives_discharge: bool = False  # the patient's discharge or death is not the reason for its end
    board_priority: Priority | None = None  # ranked so on the board; None: by the alert's own priority
    story_weight: int = 5  # in a report's narrative: the lightest are left out of a long one; 0: always left out
    once_in_story: bool = False  # in a report's narrative: only the first alert of each rule


# In the order in which reports list and narrate them.
ALERT_KINDS: dict[str, AlertKindEntry] = {
    "onset": AlertKindEntry("CRS suspected: an episode began", 13, "low", shows_grade=True, story_weight=8),
    "escalation": AlertKindEntry(
        "CRS grade rose", 2, "medium", high_from_grade_3=True, shows_grade=True, story_weight=7
    ),
    "masked_fever": AlertKindEntry(
        "CRS signs while fever may be masked",
        10,
        "medium",
        high_from_grade_3=True,
        shows_grade=True,
        once_in_story=True,
    ),
    "dose_indicated": AlertKindEntry("A treatment decision is due", 7, "medium", high_from_grade_3=True),
    "repeat_dose_eligible": AlertKindEntry("A repeat treatment may be due", 8, "medium", high_from_grade_3=True),
    "dose_limit": AlertKindEntry(
        "A treatment limit is reached", 9, "medium", resolution="the limit lifted, or no dose is due any more"
    ),
    "dose_safety": AlertKindEntry(
        "Safety check on a treatment",
        3,
        "high",
        closed_by="acknowledgement",
        resolution="by what is known now, nothing is unsafe about the dose",
    ),
    "step": AlertKindEntry(
        "A step of the guideline is due",
        11,
        "medium",
        high_from_grade_3=True,
        resolution="done, or no longer due",
        story_weight=3,
        once_in_story=True,
    ),
    "no_improvement": AlertKindEntry(
        "No improvement after treatment",
        5,
        "high",
        shows_grade=True,
        resolution="improved, or managed at a higher grade",
        once_in_story=True,
    ),
    "refractory": AlertKindEntry(
        "CRS does not respond to treatment",
        4,
        "high",
        shows_grade=True,
        resolution="improved, or managed at a higher grade",
    ),
    "neuro": AlertKindEntry("Neurological signs", 6, "high", resolution="ICE score and consciousness are normal"),
    "review": AlertKindEntry("Please review", 12, "medium", closed_by="acknowledgement"),
    "recovery": AlertKindEntry(
        "CRS grade fell, or the episode ended",
        14,
        "low",
        shows_grade=True,
        closed_by="at_once",
        resolution="said once",
    ),
    "signal_lost": AlertKindEntry(
        "No vitals are arriving",
        15,
        "technical",
        resolution="vitals are back, or the patient is not watched any more",
        story_weight=1,
        once_in_story=True,
    ),
    "data_quality": AlertKindEntry(
        "Data of this patient need mending", 16, "technical", resolution="mended", story_weight=0
    ),
    "unmonitored": AlertKindEntry(
        "A patient cannot be judged: watch by hand",
        1,
        "technical",
        resolution="the patient is judged again",
        outlives_discharge=True,
        board_priority="high",
        story_weight=0,
    ),
}


def report_order(kind: str) -> int:
    """The place of a kind in reports, 0 first."""
    return list(ALERT_KINDS).index(kind)


def closed_by(kind: str) -> ClosedBy:
    """What closes an alert of this kind; of a kind that only a newer build knows, that build's rules."""
    return ALERT_KINDS[kind].closed_by if kind in ALERT_KINDS else "condition"


def priority_rank(priority: str) -> int:
    """The rank of a priority, 0 lowest; one that only a newer build knows ranks above all."""
    return PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
