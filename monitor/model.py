"""The state of one patient: bounded, immutable, and enough to judge any late event of the last 24 h.

Instants are in ms since 1970 UTC. Everything is a typed named tuple: as immutable as a frozen dataclass, at half the
cost to make, and packed into a row without field names (decision 0003). So fields keep their order; new ones go last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from monitor.fact_types import ContextFact, Correction, Facts, InfusionFact, WorkupState
from monitor.units import LONG_AGO, NEVER
from schemas.alerts import AlertKind, AlertStatus, Priority
from schemas.field_types import Indication, OxygenDevice, PatientStatus, RateUnit
from schemas.state import SCALE_NAMES, GradeBasis

# ---- the course: what the facts come to ------------------------------------------------------------------------------


class Reading(NamedTuple):
    """One value of one signal."""

    value: int
    at: int
    event_id: str


class Signal(NamedTuple):
    """A signal whose single readings may be artefacts."""

    counted: Reading | None = None
    since: int = LONG_AGO
    pending: Reading | None = None


class ChartedSign(NamedTuple):
    """A charted sign without a number's unit: ICE score or consciousness."""

    value: int | str
    at: int
    event_id: str
    since: int  # since when it has been normal, or has not


class Oxygen(NamedTuple):
    """The oxygen support in use."""

    device: OxygenDevice | None
    flow: float | None
    fio2: float | None
    since: int
    charted_at: int
    event_id: str


class Infusion(NamedTuple):
    """A running infusion of a vasoactive drug."""

    drug: str
    role: str
    rate: float | None
    rate_unit: RateUnit | None
    since: int
    charted_at: int
    event_id: str


class InfusionLine(NamedTuple):
    """An infusion as one source charts it, under one administration id. Rate 0: it was stopped."""

    drug: str
    role: str
    source: str
    administration_id: str | None
    rate: float | None
    rate_unit: RateUnit | None
    since: int
    started_at: int  # the last start: of the bag that runs
    charted_at: int
    event_id: str


class HypotensionBolus(NamedTuple):
    """A bolus or push dose given for hypotension."""

    drug: str
    at: int
    event_id: str


class Dose(NamedTuple):
    """A dose of a drug that the rules count or show."""

    at: int
    event_id: str
    drug: str
    role: str
    dose_mg: float | None
    indication: Indication | None
    grade: int | None = None
    weight_kg: float | None = None  # as it was known when the dose was given
    content: int = 0


class Administration(NamedTuple):
    """One administration of a drug whose doses count, as one source charts it. `dose`: the event of its dose."""

    drug: str
    source: str
    administration_id: str | None
    dose: str
    at: int
    given_at: int | None = None
    started_at: int | None = None
    stopped_at: int | None = None
    dose_mg: float | None = None


class Context(NamedTuple):
    """What is known about the patient beside the course."""

    weight_kg: float | None = None
    age_years: float | None = None
    birth_date: str | None = None
    unit: str | None = None
    bed: str | None = None
    product: str | None = None
    infused_at: int | None = None
    high_risk: bool | None = None
    neutrophils_per_ul: float | None = None
    baseline_systolic_mmhg: float | None = None
    baseline_oxygen_device: OxygenDevice | None = None
    baseline_oxygen_flow_l_per_min: float | None = None
    death_attributed_to_crs: bool | None = None
    infection_workup: WorkupState | None = None
    status: PatientStatus | None = None
    since: int = NEVER
    workup_at: int = LONG_AGO  # when the work-up's state was charted


class Attributed(NamedTuple):
    """Whether each axis is due to CRS by a clinician's statement; None: no statement."""

    fever: bool | None = None
    hypotension: bool | None = None
    hypoxia: bool | None = None


class Finding(NamedTuple):
    """What one axis shows: its grade by the profile in force (None: no data), and since when."""

    grade: int | None = None
    since: int = LONG_AGO
    unknown: tuple[str, ...] = ()


class HeldGrade(NamedTuple):
    """A grade that rises at once and falls late: the grade that the signs support now, and recent higher ones."""

    supported: int = 0
    supported_since: int = LONG_AGO
    recent_higher: tuple[tuple[int, int], ...] = ()  # (grade, when it ended), highest and oldest first
    grade: int = 0
    since: int = LONG_AGO
    rose: bool = False  # it came to this grade from a lower one


class Episode(NamedTuple):
    """One episode of CRS; number 0: none yet."""

    number: int = 0
    open: bool = False
    onset_at: int = LONG_AGO
    documented: bool = False  # a fever was measured in it
    masked_at: int | None = None  # the first masking drug in it
    masked_by: str | None = None
    ended_at: int = LONG_AGO
    reopened_at: int | None = None
    counts_from: int = LONG_AGO  # doses before belong to an earlier episode or treatment
    peak: int = 0
    hypotension_at: int = LONG_AGO  # last instant a sign was present
    hypoxia_at: int = LONG_AGO
    infusion_known: bool = False
    fever_at: int = LONG_AGO  # last fever that counted, as of the last judgement


class Course(NamedTuple):
    """The fold over the facts up to `at`: the whole clinical state."""

    # The first six fields change with every observation; fast_path.py replaces them as one slice.
    at: int = LONG_AGO
    sbp: Signal = Signal()
    map: Signal = Signal()
    spo2: Signal = Signal()
    temperature: Reading | None = None
    fever: Reading | None = None  # the last reading at or above the threshold since the infusion
    timer: int = NEVER  # no earlier than this, time alone changes something
    sbp_below: int = 0  # the limits of this patient, mmHg; set before the first fact
    map_below: int = 0
    oxygen: Oxygen | None = None
    ice: ChartedSign | None = None
    consciousness: ChartedSign | None = None
    infusions: tuple[Infusion, ...] = ()
    treated: HypotensionBolus | None = None
    doses: tuple[Dose, ...] = ()
    depressant: Dose | None = None
    context: Context = Context()
    attributed: Attributed = Attributed()
    hypotension: Finding = Finding()
    hypoxia: Finding = Finding()
    basis: GradeBasis = "none"
    grades: tuple[HeldGrade, ...] = (HeldGrade(),) * len(SCALE_NAMES)  # by scale, in the order of SCALES
    episode: Episode = Episode()
    unmasked_signs_at: int | None = None  # signs without fever and without mask, since then
    masked_signs_at: int | None = None  # signs under a mask that the profile does not grade, since then
    reopenings: int = 0
    further: tuple[Reading | None, ...] = ()  # the latest reading of each further signal
    contexts: tuple[ContextFact, ...] = ()  # what the context was made of, so that a correction is exact for days
    treatments: tuple[InfusionFact, ...] = ()  # by their start; the latest past one is in force, one to come is a plan
    infusion_lines: tuple[InfusionLine, ...] = ()  # of which the infusions are made
    administrations: tuple[Administration, ...] = ()  # oldest first
    dose_twice_at: int = LONG_AGO  # when a second source charted a dose that was known, and which
    dose_twice: str = ""

    @property
    def held(self) -> HeldGrade:
        """The grade of CRS by the profile in force."""
        return self.grades[0]

    def on(self, scale: str) -> HeldGrade:
        """The grade on a scale, by its name."""
        return self.grades[SCALE_NAMES.index(scale)]


# ---- by the log clock: alerts and feeds ------------------------------------------------------------------------------


class LatestFromEvent(NamedTuple):
    """Values of one observation that are the latest of their signals; None where another is (latest_vitals.py)."""

    at: int
    charted: bool
    values: tuple[float | str | None, ...]


class OpenAlert(NamedTuple):
    """An alert that has not been resolved. Times without `log` in their comment are bedside times."""

    kind: AlertKind
    key: str
    alert_id: str
    version: int
    status: AlertStatus
    priority: Priority
    title: str
    rule_id: str
    episode: int
    effective_at: int
    raised_at: int  # log clock
    dose_mg: float | None = None  # what was recommended, and from when
    not_before: int | None = None
    acknowledged_at: int | None = None  # log clock
    snoozed_until: int | None = None  # log clock
    indicated_at: int | None = None  # log clock; when a dose became due at grade 2 or above
    ack_event_ids: tuple[str, ...] = ()  # acknowledgements and snoozes that were applied, newest last


class AlertIdCounter(NamedTuple):
    """How many alerts were raised at one log time, by name and in all, so that no two get the same id."""

    at: int = LONG_AGO
    names: tuple[tuple[str, int], ...] = ()
    total: int = 0


class AlertBook(NamedTuple):
    """The alerts of a patient: the open ones, the counter of ids, and those that are not raised again (`kind:key`)."""

    open: tuple[OpenAlert, ...] = ()
    raised: AlertIdCounter = AlertIdCounter()
    closed: tuple[str, ...] = ()
    reported_grade: int = 0  # the grade of the last alerts


class ImplausibleReadings(NamedTuple):
    """When recent values of a signal were implausible: bedside times, newest last."""

    signal: str
    times: tuple[int, ...]


class FeedHealth(NamedTuple):
    """When vitals last came, and what is wrong with the feeds."""

    vitals_at: int = LONG_AGO
    vitals_charted: bool = False
    rejects: tuple[ImplausibleReadings, ...] = ()
    clock_ahead_at: int | None = None  # log time at which an event from the future came
    clock_ahead_feed: str | None = None  # from which feed or device


class CatchingUp(NamedTuple):
    """A patient whose backlog is being read after a downtime: since when, and when alerts are raised for it (ms)."""

    since: int
    report_at: int


class Merge(NamedTuple):
    """A merge with the record of `patient_id`, by an event of that id, at a log time.

    `without`: the state as it would be without the merge, as a row; empty once it is too late to undo it.
    """

    patient_id: str
    event_id: str
    at: int
    without: bytes = b""


class State(NamedTuple):
    """One patient: the checkpoint, the facts since, the course that they come to, the alerts, and the feeds."""

    patient_id: str
    clock: int = LONG_AGO  # log time of the last event or effective tick
    due_at: int | None = None
    checkpoint: Course = Course()
    course: Course = Course()
    facts: Facts = Facts()
    corrections: tuple[Correction, ...] = ()  # oldest first
    latest: tuple[LatestFromEvent, ...] = ()  # newest first
    alerts: AlertBook = AlertBook()
    feed_health: FeedHealth = FeedHealth()
    merged_into: str | None = None
    defect_at: int | None = None
    unknown_drugs: tuple[str, ...] = ()
    catching_up: CatchingUp | None = None
    # Up to where observations were thinned, and recent courses from which late events are folded, oldest first.
    thinned_until: int = LONG_AGO
    recent_courses: tuple[Course, ...] = ()
    taken_back: Facts = Facts()  # of events that were replaced or voided: they stand again when that is voided
    merges: tuple[Merge, ...] = ()  # those that can be undone
    past_merges: tuple[Merge, ...] = ()  # those that cannot any more
    merge_not_undone_at: int | None = None  # log time at which somebody wanted to
    unknown_fields: tuple[Any, ...] = ()  # written by a newer build: kept and written back (row.py)


def fresh(patient_id: str) -> State:
    """A patient nothing is known about."""
    return State(patient_id)
