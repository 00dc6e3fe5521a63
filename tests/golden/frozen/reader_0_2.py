"""How build 0.2 reads a row: frozen. Written by `python -m tests.golden.record --frozen`."""

from __future__ import annotations

import typing
from typing import Literal, NamedTuple
from typing import Any, NamedTuple
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from hashlib import blake2b
from typing import Any
from collections.abc import Callable, Mapping
import msgspec
from lz4.block import LZ4BlockError, compress, decompress

Action = typing.Literal['given', 'started', 'rate_changed', 'stopped', 'held', 'not_given']
Axis = typing.Literal['fever', 'hypotension', 'hypoxia']
Consciousness = typing.Literal['alert', 'voice', 'pain', 'unresponsive']
Indication = typing.Literal['crs', 'prophylaxis', 'hypotension', 'icans', 'other']
OxygenDevice = typing.Literal['room_air', 'nasal_cannula', 'blow_by', 'high_flow_nasal_cannula', 'face_mask', 'venturi', 'non_rebreather', 'cpap', 'bipap', 'invasive_ventilation', 'tracheostomy_mask', 'ecmo', 'unknown']
RateUnit = typing.Literal['mcg/min', 'mcg/kg/min', 'mg/h', 'units/min', 'units/h', 'mL/h']
LONG_AGO = -9007199254740992
NEVER = 9007199254740992
AlertKind = typing.Literal['onset', 'escalation', 'masked_fever', 'dose_indicated', 'repeat_dose_eligible', 'dose_limit', 'dose_safety', 'step', 'no_improvement', 'refractory', 'neuro', 'review', 'recovery', 'signal_lost', 'data_quality', 'unmonitored']
AlertStatus = typing.Literal['raised', 'updated', 'resolved', 'retracted']
Priority = typing.Literal['high', 'medium', 'low', 'technical']
PatientStatus = typing.Literal['admitted', 'updated', 'transferred', 'discharged', 'died', 'final', 'entered_in_error']
SCALE_NAMES = ('crs', 'astct')
GradeBasis = typing.Literal['fever', 'masked', 'masked_unconfirmed', 'none']
DISPLAYED = ('temperature_celsius', 'heart_rate_per_min', 'respiratory_rate_per_min', 'systolic_mmhg', 'diastolic_mmhg', 'mean_arterial_mmhg', 'spo2_percent', 'oxygen_device', 'oxygen_flow_l_per_min', 'fio2_fraction', 'ice_score', 'consciousness', 'capd_score')  # the order of the values in LatestFromEvent

SEPARATOR = "\x1f"  # in a key between the event id and a source that is not the usual one
WorkupState = Literal["sent", "negative", "positive"]


class VitalsFact(NamedTuple):
    """One observation. Temperature in tenths of °C, pressures in mmHg, SpO2 in %, flow in L/min."""

    at: int
    event_id: str
    charted: bool
    temperature: int | None
    sbp: int | None
    map: int | None
    spo2: int | None
    device: OxygenDevice | None
    flow: float | None
    fio2: float | None
    ice: int | None
    consciousness: Consciousness | None
    # Readings between this instant and `at` were dropped; all were like their neighbours (thinning.py). 0: none were.
    gap_since: int = 0
    # Readings of signals without a field here, in hundredths of their units (course/further_signals.py).
    further: tuple[int | None, ...] = ()
    content: int = 0


class MedicationFact(NamedTuple):
    """One line of the medication record about a drug that some rule knows. Doses in mg."""

    at: int
    event_id: str
    drug: str
    role: str
    action: Action
    dose_mg: float | None
    rate: float | None
    rate_unit: RateUnit | None
    indication: Indication | None
    content: int = 0
    administration_id: str | None = None

    @property
    def source(self) -> str:
        """The source in the event's key; empty: the medication record."""
        return self.event_id.partition(SEPARATOR)[2]


class ContextFact(NamedTuple):
    """Fields of the context that an event sets, `infused_at` aside."""

    at: int
    event_id: str
    changes: tuple[tuple[str, float | str | bool | None], ...]
    content: int = 0


class InfusionFact(NamedTuple):
    """The treatment was started at `infused_at`."""

    at: int
    event_id: str
    infused_at: int
    content: int = 0


class StatementFact(NamedTuple):
    """A clinician's statement: whether an axis is due to CRS, or the state of the infection work-up."""

    at: int
    event_id: str
    subject: Axis | Literal["infection_workup"]
    attributed: bool | None
    state: WorkupState | None
    content: int = 0


Fact = VitalsFact | MedicationFact | ContextFact | InfusionFact | StatementFact


class Facts(NamedTuple):
    """The facts since the checkpoint, each kind in bedside order."""

    vitals: tuple[VitalsFact, ...] = ()
    medications: tuple[MedicationFact, ...] = ()
    contexts: tuple[ContextFact, ...] = ()
    infusions: tuple[InfusionFact, ...] = ()
    statements: tuple[StatementFact, ...] = ()


class FactsAt(NamedTuple):
    """All facts of one instant, in the order in which they are applied."""

    at: int
    facts: Facts


class Correction(NamedTuple):
    """An event that replaces or voids an earlier one. Keys are hashed (record/identity.py)."""

    by: bytes
    target: bytes
    at: int  # log time
    content: int
    # The id alone of a target that has not come yet: it may come from another source.
    awaited: bytes = b""

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

Read = Callable[[Any], Any]
# Which fields of a named tuple need more than to be taken over, and what makes them, by the types of its values.
Plan = tuple[tuple[int, Read], ...]
SCALARS = (bool, int, float, str, bytes, NoneType)


def read_as(kind: Any, value: Any) -> Any:
    """A decoded value in this type. Raises TypeError or ValueError for a value that does not fit."""
    found: type = type(value)
    read = conversion(kind, found)
    return value if read is None else read(value)


def is_named_tuple(kind: Any) -> bool:
    """Whether a type is a class of named tuples."""
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


@cache
def conversion(kind: Any, found: type) -> Read | None:
    """What brings a value of a found type into a type; None: it is of that type already."""
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    lists = [option for option in options if _is_list(option)]
    assert len(lists) <= 1, "by position, two types that are lists cannot be told apart"
    if kind is Any:
        return None
    if found is list and lists:
        return _list_reader(lists[0])
    scalars = {_scalar(option) for option in options if not _is_list(option)}
    if found in scalars:
        return None
    if found is int and float in scalars:
        return float
    raise TypeError(f"{found.__name__} is not of this type")


@cache
def _list_reader(kind: Any) -> Read:
    if is_named_tuple(kind):
        return _named_tuple(kind)
    members = get_args(kind)
    return _many(members[0]) if members[1:] == (...,) else _fixed(members)


def _named_tuple(kind: Any) -> Read:
    """The fields by their places: the known ones read, unknown ones left out, missing ones with their defaults."""
    hints = list(get_type_hints(kind).values())
    defaults = [kind._field_defaults[name] for name in kind._fields if name in kind._field_defaults]
    required = len(hints) - len(defaults)
    # A row has hundreds of observations of a few shapes, so each shape is looked at once.
    plans: dict[tuple[type, ...], Plan] = {}

    def read(value: list[Any]) -> Any:
        if len(value) < required:
            raise ValueError(f"not a {kind.__name__}: too few fields")
        known = value[: len(hints)]
        shape = tuple(map(type, known))
        plan = plans.get(shape)
        if plan is None:
            plan = plans[shape] = _plan(hints, shape)
        for place, one in plan:
            known[place] = one(known[place])
        return tuple.__new__(kind, known + defaults[len(known) - required :])

    return read


def _plan(hints: list[Any], shape: tuple[type, ...]) -> Plan:
    found = (conversion(hint, one) for hint, one in zip(hints, shape, strict=False))
    return tuple((place, read) for place, read in enumerate(found) if read is not None)


def _many(kind: Any) -> Read:
    if is_named_tuple(kind):
        one = _list_reader(kind)

        def read_tuples(value: list[Any]) -> tuple[Any, ...]:
            if any(type(item) is not list for item in value):
                raise TypeError("not a list")
            return tuple([one(item) for item in value])

        return read_tuples
    return lambda value: tuple([read_as(kind, item) for item in value])


def _fixed(kinds: tuple[Any, ...]) -> Read:
    """A tuple of so many values, which have no defaults: more are left out, fewer refused."""

    def read(value: list[Any]) -> tuple[Any, ...]:
        if len(value) < len(kinds):
            raise ValueError("too few values")
        return tuple([read_as(kind, item) for kind, item in zip(kinds, value, strict=False)])

    return read


def _is_list(kind: Any) -> bool:
    return is_named_tuple(kind) or get_origin(kind) is tuple


def _scalar(kind: Any) -> type:
    """The type of a scalar; a closed set of texts may have values that only a newer build knows."""
    scalar = str if get_origin(kind) is Literal else kind
    assert kind is Any or scalar in SCALARS, f"rows cannot hold {kind}"
    assert get_origin(kind) is not Literal or all(isinstance(value, str) for value in get_args(kind))
    return scalar

CLOCK, CHECKPOINT, COURSE, FACTS, VOIDED, RECENT_COURSES = 1, 3, 4, 5, 6, 15  # places in a state
# Places in a course; the grade by ASTCT followed the one in force.
FINDINGS, HELD, INFUSIONS, CONTEXT, FURTHER = (18, 19), 21, 12, 16, 26
INFUSED_AT, SINCE = 6, 15  # places in a context
CONTEXT_NAMES = (
    "weight_kg",
    "age_years",
    "birth_date",
    "unit",
    "bed",
    "product",
    "infused_at",
    "high_risk",
    "neutrophils_per_ul",
    "baseline_systolic_mmhg",
    "baseline_oxygen_device",
    "baseline_oxygen_flow_l_per_min",
    "death_attributed_to_crs",
    "infection_workup",
    "status",
)
NOT_FROM_CONTEXT = ("infused_at", "infection_workup")
CHARTED = "\x1fcharted"  # behind the id of a charted observation


def to_version_3(fields: list[Any]) -> list[Any]:
    """The decoded fields of a state in the places of version 3."""
    fields = list(fields)
    for place in (CHECKPOINT, COURSE):
        fields[place] = _course(fields[place])
    if len(fields) > RECENT_COURSES + 1:  # without it, the last field is what its writer did not know
        fields[RECENT_COURSES] = [_course(one) for one in fields[RECENT_COURSES]]
    vitals, *others = fields[FACTS]
    fields[FACTS] = [
        [[at, event_id + CHARTED * charted, charted, *one] for at, event_id, charted, *one in vitals],
        *others,
    ]
    fields[VOIDED] = [[b"", target, fields[CLOCK], 0, b""] for each in fields[VOIDED] for target in _entries(each)]
    return fields


def _entries(event_id: str) -> list[bytes]:
    """The hashed keys that an id may stand for."""
    keys = [f"{kind}|{event_id}" for kind in ("vitals", "medication", "patient", "assessment")]
    keys.append(f"vitals|{event_id}{CHARTED}")
    return [blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys]


def _course(course: list[Any]) -> list[Any]:
    """A course whose findings have no grade by ASTCT, whose grades are one list, with the origin of its context."""
    course = list(course)
    for place in FINDINGS:
        grade, _, since, unknown = course[place]
        course[place] = [grade, since, unknown]
    course[HELD : HELD + 2] = [course[HELD : HELD + 2]]
    context = course[CONTEXT]
    known = zip(CONTEXT_NAMES, context, strict=False)
    changes = [[name, value] for name, value in known if value is not None and name not in NOT_FROM_CONTEXT]
    infused_at = context[INFUSED_AT]
    contexts = [[context[SINCE], "", changes]] if changes else []
    treatments = [] if infused_at is None else [[infused_at, "", infused_at]]
    lines = [
        [drug, role, "", None, rate, unit, since, since, at, key]
        for drug, role, rate, unit, since, at, key in course[INFUSIONS]
    ]
    return [*course, *[[]] * (FURTHER + 1 - len(course)), contexts, treatments, lines]

VERSION = 3
# By version: the fields of a state of that version, decoded, in the places of the next version.
CONVERSIONS: Mapping[int, Callable[[list[Any]], list[Any]]] = {2: to_version_3}
FIELDS = len(State._fields) - 1  # without `unknown_fields`
DIGEST_BYTES = 8
STATE_BYTES = 1 << 24  # unpacked; far above what any patient's state takes


class Row(NamedTuple):
    """What the table keeps for one patient."""

    v: int
    log_offset: int
    digest: bytes
    state: State


class RowError(ValueError):
    """A row cannot be read; the message says why."""


_encoder = msgspec.msgpack.Encoder()
_outer = msgspec.msgpack.Decoder(tuple[int, int, bytes, bytes])
_state = msgspec.msgpack.Decoder(State)
_fields = msgspec.msgpack.Decoder(list[Any])
# The first bytes of a state with as many fields as ours: msgspec alone would take one field more or less for ours.
_AS_MANY_FIELDS = _encoder.encode([None] * (FIELDS + 1))[: -(FIELDS + 1)]
EMPTY_DIGEST = bytes(DIGEST_BYTES)


def encode(row: Row) -> bytes:
    """The row as bytes."""
    v, log_offset, digest, state = row
    return _encoder.encode((v, log_offset, digest, compress(_encoder.encode(state))))


def decode(payload: bytes) -> Row:
    """The row from bytes, of whatever build. Raises RowError when it is damaged or does not fit."""
    try:
        v, log_offset, digest, packed = _outer.decode(payload)
        if int.from_bytes(packed[:4], "little") > STATE_BYTES:
            raise RowError("not a row: its state is larger than any")
        unpacked = decompress(packed)
    except RowError:
        raise
    except (msgspec.MsgspecError, LZ4BlockError, IndexError, TypeError, ValueError) as damage:
        raise RowError(f"not a row: {damage}") from damage
    return Row(VERSION, log_offset, digest, _on_all_scales(_state_of(v, unpacked)))


def _state_of(v: int, unpacked: bytes) -> State:
    """The state: at once if this build wrote it, otherwise by the types of the model."""
    if v == VERSION and unpacked.startswith(_AS_MANY_FIELDS):
        try:
            return _state.decode(unpacked)
        except msgspec.MsgspecError:
            pass  # A field further in that this build does not know, or a value of a closed set; or damage.
    try:
        return _of_another_build(v, _fields.decode(unpacked))
    except (msgspec.MsgspecError, IndexError, TypeError, ValueError, RecursionError) as damage:
        raise RowError(f"row version {v}, this build writes {VERSION}: {damage}: run `crs-monitor rebuild`") from damage


def _of_another_build(v: int, fields: list[Any]) -> State:
    """The state of another build, its fields brought to their places.

    What the writer kept without knowing it (the last field) follows its own fields, as it did where it came from. What
    this build does not know in turn becomes unknown fields; what is missing has its default.
    """
    for earlier, convert in sorted(CONVERSIONS.items()):
        if v <= earlier:
            fields = convert(fields)
    *own, kept = fields
    if type(kept) is not list:
        raise TypeError("its last field is no list")
    in_order = [*own, *kept]
    state: State = read_as(State, in_order[:FIELDS])
    return state._replace(unknown_fields=tuple(in_order[FIELDS:]))


def _on_all_scales(state: State) -> State:
    """The state with a grade on each scale of this build: none yet on one that its writer did not know."""
    if len(state.course.grades) == len(SCALE_NAMES):
        return state
    return state._replace(
        checkpoint=_course_on_all_scales(state.checkpoint),
        course=_course_on_all_scales(state.course),
        recent_courses=tuple(map(_course_on_all_scales, state.recent_courses)),
    )


def _course_on_all_scales(course: Course) -> Course:
    return course._replace(grades=(*course.grades, *(HeldGrade(),) * len(SCALE_NAMES))[: len(SCALE_NAMES)])
