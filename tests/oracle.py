"""A second opinion: the clinical state of one patient, recomputed from the whole sorted history.

Nothing here is shared with the engine but the wire models and the formulary. There is no checkpoint, no due time, no
undo: the complete record is sorted, walked once from its first entry, and the state is read off at the times asked
for. Every clinical number is written out as it stands in the rules, so that a wrong value in a profile shows.

Instants are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from monitor.guidelines.formulary_loader import load as load_formulary
from monitor.guidelines.formulary_lookup import Formulary, is_systemic
from schemas.assessments import Acknowledge, Attribution, InfectionWorkup, Neuro, Note, Snooze
from schemas.events import Medication, Patient, Vitals
from schemas.labs import Labs
from schemas.patient_event import Void

FORMULARY = load_formulary()

Charted = (
    Vitals | Medication | Patient | Attribution | Acknowledge | Snooze | InfectionWorkup | Note | Neuro | Labs | Void
)

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

FEVER_CELSIUS = Decimal("38.0")
FEVER_HOLDS = 24 * HOUR
BOLUS_HOLDS = 4 * HOUR
CONFIRMED_AFTER = 60 * SECOND
FALL_DELAY = 30 * MINUTE
QUIET_BEFORE_END = 24 * HOUR
ANTIPYRETIC_BEFORE_END = 8 * HOUR
REOPENS_WITHIN = 72 * HOUR
ANTIPYRETIC_MASKS = 8 * HOUR
STEROID_MASKS = 48 * HOUR
DOSE_INTERVAL = 8 * HOUR
DOSE_WINDOW = 24 * HOUR
FEED_AHEAD = 2 * MINUTE

ANTI_CYTOKINES = {"tocilizumab", "siltuximab", "anakinra"}
MASKS = ANTI_CYTOKINES | {"antipyretic", "steroid"}
PRESSORS = {"vasopressor", "vasopressin"}
DEVICE_ORDER = [
    "room_air",
    "blow_by",
    "nasal_cannula",
    "face_mask",
    "venturi",
    "non_rebreather",
    "tracheostomy_mask",
    "high_flow_nasal_cannula",
    "cpap",
    "bipap",
    "invasive_ventilation",
    "ecmo",
]


@dataclass(frozen=True)
class Received:
    """One event and the log time at which it was received."""

    event: Charted
    at: int


@dataclass(frozen=True)
class AxisOpinion:
    grade: int | None
    since: int | None


@dataclass(frozen=True)
class Clinical:
    """What must be equal, whatever the order of arrival. Times are instants; `dose_mg` is not rounded."""

    grade: int
    astct_grade: int
    grade_basis: str
    fever: bool | None
    hypotension: AxisOpinion
    hypoxia: AxisOpinion
    is_open: bool
    episode: int
    onset_at: int | None
    peak_grade: int
    count_24h: int
    count_total: int
    last_at: int | None
    next_eligible_at: int | None
    dose_mg: Decimal | None
    blocked_by: str | None


def judge(received: Sequence[Received], at: int, profile: str = "house") -> Clinical:
    """The state at one instant, given everything received so far in any order."""
    return course(received, [at], profile)[0]


def course(received: Sequence[Received], times: Iterable[int], profile: str = "house") -> list[Clinical]:
    """The states at several instants (ascending), all of them given the same record."""
    assert profile in ("house", "astct-2019")
    walk = begin(received, profile)
    return [walk.go_on(at) for at in sorted(times)]


def begin(received: Sequence[Received], profile: str) -> Walk:
    """The walk through a record, before its first entry."""
    walk = Walk(profile=profile, facts=facts_by_instant(received))
    walk.agenda = list(walk.facts)
    heapq.heapify(walk.agenda)
    return walk


# ---- the record --------------------------------------------------------------------------------------------------


def instant(moment: datetime) -> int:
    """Milliseconds since the epoch, exactly."""
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1_000 + since_epoch.microseconds // 1_000


def living(received: Sequence[Received]) -> list[Charted]:
    """Events that still stand: no duplicates, nothing replaced, no voids, nothing from a clock that runs ahead."""
    accepted: dict[str, Charted] = {}
    for one in received:
        event = one.event
        if event.event_id in accepted:
            continue
        if instant(event.effective_at) > one.at + FEED_AHEAD:
            continue
        accepted[event.event_id] = event
    replaced = {event.replaces for event in accepted.values()}
    return [e for e in accepted.values() if e.event_id not in replaced and not isinstance(e, Void)]


def facts_by_instant(received: Sequence[Received]) -> dict[int, list[Charted | NewTreatment]]:
    """Living events at their bedside time; a treatment starts at its own time, if that is before it was charted."""
    facts: dict[int, list[Charted | NewTreatment]] = defaultdict(list)
    for event in sorted(living(received), key=lambda e: e.event_id):
        at = instant(event.effective_at)
        facts[at].append(event)
        if isinstance(event, Patient) and event.infused_at is not None:
            infused_at = instant(event.infused_at)
            facts[min(at, infused_at)].append(NewTreatment(infused_at, at))
    return facts


@dataclass(frozen=True)
class NewTreatment:
    infused_at: int
    charted_at: int


# ---- numbers -----------------------------------------------------------------------------------------------------


def rounded(number: float | Decimal, places: str = "1") -> Decimal:
    """Half up, on the decimal digits as they were written."""
    return Decimal(str(number)).quantize(Decimal(places), ROUND_HALF_UP)


# ---- walking through the record ----------------------------------------------------------------------------------


@dataclass
class Signal:
    """What a noisy signal says once confirmed: True is low. `pending` waits for a second reading or for 60 s."""

    low: bool | None = None
    since: int | None = None
    counted_at: int | None = None
    pending: tuple[int, bool] | None = None

    def count(self, low: bool, since: int, at: int) -> None:
        if low != self.low:
            self.low, self.since, self.counted_at = low, since, at
        self.pending = None

    def let_time_pass(self, at: int) -> None:
        if self.pending and at >= self.pending[0] + CONFIRMED_AFTER:
            self.count(self.pending[1], self.pending[0], at)

    def read(self, at: int, low: bool, at_once: bool) -> None:
        if at_once:
            self.count(low, at, at)
        elif self.pending and self.pending[1] == low:
            self.count(low, self.pending[0], at)
        elif low == self.low:
            self.pending = None
        else:
            self.pending = (at, low)


@dataclass
class Episode:
    number: int
    onset_at: int
    opened_at: int
    total_from: int | None
    unconfirmed: bool
    fever_seen: bool = False
    peak_grade: int = 0
    ended_at: int | None = None
    by_new_treatment: bool = False


@dataclass
class Dose:
    at: int
    roles: set[str]
    indication: str | None


@dataclass
class Walk:
    """The patient at one instant of the walk; `arrive` takes the instants in ascending order."""

    profile: str
    facts: dict[int, list[Charted | NewTreatment]]
    agenda: list[int] = field(default_factory=list)
    formulary: Formulary = FORMULARY
    weight_kg: Decimal | None = None
    age_years: Decimal | None = None
    birth_date: date | None = None
    baseline_systolic: Decimal | None = None
    baseline_device: str | None = None
    baseline_flow: Decimal | None = None
    death_attributed: bool = False
    infused_at: int | None = None
    died: bool = False
    left_out: dict[str, bool] = field(default_factory=dict)
    temperature: Decimal | None = None
    last_fever: int | None = None
    last_prolonging_fever: int | None = None
    signals: dict[str, Signal] = field(default_factory=lambda: {s: Signal() for s in ("systolic", "mean", "spo2")})
    device: str | None = None
    flow: Decimal | None = None
    support_known: bool = False
    running: dict[str, tuple[str, float | None, str | None]] = field(default_factory=dict)
    boluses: list[int] = field(default_factory=list)
    doses: list[Dose] = field(default_factory=list)
    episode: Episode | None = None
    last_sign_at: int | None = None
    hypotension: AxisOpinion = AxisOpinion(None, None)
    hypoxia: AxisOpinion = AxisOpinion(None, None)
    criterion: bool = False
    raw: list[tuple[int, int, int]] = field(default_factory=list)

    def fork(self) -> Walk:
        """The same walk, to be gone on with separately; only the record itself is shared."""
        return replace(
            self,
            agenda=list(self.agenda),
            left_out=dict(self.left_out),
            signals={name: copy(signal) for name, signal in self.signals.items()},
            running=dict(self.running),
            boluses=list(self.boluses),
            doses=list(self.doses),
            episode=copy(self.episode),
            raw=list(self.raw),
        )

    def go_on(self, until: int) -> Clinical:
        """Everything on the agenda up to and including an instant; the state there."""
        heapq.heappush(self.agenda, until)
        while self.agenda and self.agenda[0] <= until:
            at = heapq.heappop(self.agenda)
            while self.agenda and self.agenda[0] == at:
                heapq.heappop(self.agenda)
            self.arrive(at)
        return self.opinion(until)

    def arrive(self, at: int) -> None:
        had_signs = self.signs_present()
        for signal in self.signals.values():
            signal.let_time_pass(at)
        self.take_facts(at)
        self.hypotension = self.moved(
            self.hypotension, self.hypotension_grade(at, self.profile), at, "systolic", "mean"
        )
        self.hypoxia = self.moved(self.hypoxia, self.hypoxia_grade(), at, "spo2")
        if had_signs:
            self.last_sign_at = at
        self.end_episode(at)
        self.open_episode(at)
        self.grade_now(at)

    # -- facts

    def take_facts(self, at: int) -> None:
        """Everything charted for this instant: context, assessments, vitals, medication."""
        facts = self.facts.get(at, [])
        for fact in facts:
            if isinstance(fact, Patient):
                self.take_context(fact)
        for treatment in sorted((f for f in facts if isinstance(f, NewTreatment)), key=lambda f: f.charted_at):
            self.take_treatment(treatment.infused_at, at)
        for fact in facts:
            if isinstance(fact, Attribution):
                self.left_out[fact.axis] = not fact.attributed_to_crs
        self.take_vitals([fact for fact in facts if isinstance(fact, Vitals)], at)
        medications = [fact for fact in facts if isinstance(fact, Medication) and is_systemic(fact.route)]
        for medication in sorted(medications, key=self.how_bad):
            self.take_medication(medication, at)

    def take_context(self, patient: Patient) -> None:
        if patient.status in ("admitted", "transferred", "died"):
            self.died = patient.status == "died"
        if patient.weight_kg is not None:
            self.weight_kg = Decimal(str(patient.weight_kg))
        if patient.baseline_systolic_mmhg is not None:
            self.baseline_systolic = rounded(patient.baseline_systolic_mmhg)
        if patient.baseline_oxygen_device is not None:
            self.baseline_device = patient.baseline_oxygen_device
        if patient.baseline_oxygen_flow_l_per_min is not None:
            self.baseline_flow = rounded(patient.baseline_oxygen_flow_l_per_min)
        if patient.death_attributed_to_crs is not None:
            self.death_attributed = patient.death_attributed_to_crs
        if patient.birth_date is not None:
            self.age_years, self.birth_date = None, patient.birth_date
        elif patient.age_years is not None:
            self.age_years, self.birth_date = Decimal(str(patient.age_years)), None

    def take_treatment(self, infused_at: int, at: int) -> None:
        if infused_at == self.infused_at:
            return
        self.infused_at = infused_at
        if infused_at > at:
            heapq.heappush(self.agenda, infused_at)
        if self.episode:
            self.episode.by_new_treatment = True
            if self.episode.ended_at is None:
                self.episode.ended_at = at

    def take_vitals(self, vitals: list[Vitals], at: int) -> None:
        """All vitals of one instant together: of two readings of one signal, the worse one stands."""
        temperatures = [rounded(v.temperature_celsius, "0.1") for v in vitals if v.temperature_celsius is not None]
        if temperatures:
            self.temperature = max(temperatures)
            if self.temperature >= FEVER_CELSIUS:
                self.last_fever = at
                heapq.heappush(self.agenda, at + FEVER_HOLDS)
        self.take_signal("systolic", at, [(v.systolic_mmhg, v.source) for v in vitals])
        self.take_signal("mean", at, [(v.mean_arterial_mmhg, v.source) for v in vitals])
        self.take_signal("spo2", at, [(v.spo2_percent, v.source) for v in vitals])
        devices = [v.oxygen_device for v in vitals if v.oxygen_device]
        if devices:
            worst = max(devices, key=DEVICE_ORDER.index)
            if worst != self.device:
                self.device, self.flow = worst, None
            self.support_known = True
            vitals = [v for v in vitals if v.oxygen_device in (None, worst)]
        self.take_flow(
            max((v.oxygen_flow_l_per_min for v in vitals if v.oxygen_flow_l_per_min is not None), default=None)
        )

    def take_flow(self, flow: float | None) -> None:
        if flow is not None:
            self.flow, self.support_known = rounded(flow), True

    def take_signal(self, name: str, at: int, readings: list[tuple[float | None, str]]) -> None:
        known = [(rounded(value), source != "charted") for value, source in readings if value is not None]
        if not known:
            return
        value, from_monitor = min(known)
        if name == "systolic":
            low, extreme = self.systolic_low(value, at), value < 70
        elif name == "mean":
            low, extreme = not self.is_child(at) and value < 65, False
        else:
            low, extreme = value < 90, value < 80
        self.signals[name].read(at, low, at_once=not from_monitor or (low and extreme))
        if self.signals[name].pending:
            heapq.heappush(self.agenda, at + CONFIRMED_AFTER)

    def how_bad(self, medication: Medication) -> tuple[int, float, str]:
        """A stop before a start, a low rate before a high one, an unknown rate last."""
        if medication.action == "stopped" or medication.rate == 0:
            return (0, 0.0, medication.event_id)
        return (1, float("inf") if medication.rate is None else medication.rate, medication.event_id)

    def take_medication(self, medication: Medication, at: int) -> None:
        an_amount = medication.action == "given" or (medication.action != "stopped" and medication.rate is None)
        if an_amount and medication.dose is not None and medication.dose <= 0:
            return  # an amount of nothing
        drugs = self.formulary.find(medication.drug)
        roles: set[str] = {drug.role for drug in drugs if self.dose_counts(medication, drug.minimum_mg)}
        started = medication.action == "started" and medication.rate != 0
        if roles & MASKS and (medication.action == "given" or started):
            self.doses.append(Dose(at, roles, medication.indication))
        treats_hypotension = bool(roles & (PRESSORS | {"fluid"})) and medication.indication == "hypotension"
        if treats_hypotension and medication.action == "given":
            self.boluses.append(at)
            heapq.heappush(self.agenda, at + BOLUS_HOLDS)
        for drug in drugs:
            if drug.role not in PRESSORS:
                continue
            if medication.action == "stopped" or (
                medication.action in ("started", "rate_changed") and medication.rate == 0
            ):
                self.running.pop(drug.ingredient, None)
            elif medication.action in ("started", "rate_changed"):
                self.running[drug.ingredient] = (drug.role, medication.rate, medication.rate_unit)

    def dose_counts(self, medication: Medication, minimum_mg: float | None) -> bool:
        if minimum_mg is None:
            return True
        per_unit = {"mg": Decimal(1), "g": Decimal(1000), "mcg": Decimal("0.001")}.get(medication.dose_unit or "")
        return (
            medication.dose is not None
            and per_unit is not None
            and Decimal(str(medication.dose)) * per_unit >= Decimal(str(minimum_mg))
        )

    # -- axes

    def age(self, at: int) -> int | None:
        """In completed years."""
        if self.birth_date is not None:
            today, born = datetime.fromtimestamp(at / 1000, UTC).date(), self.birth_date
            return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        return None if self.age_years is None else int(self.age_years.to_integral_value(ROUND_FLOOR))

    def is_child(self, at: int) -> bool:
        age = self.age(at)
        return age is not None and age < 18

    def systolic_low(self, systolic: Decimal, at: int) -> bool:
        age = self.age(at)
        if age is None or age >= 18:
            baseline = self.baseline_systolic
            below = baseline is not None and systolic * 100 < 80 * baseline and systolic < 100
            return systolic < 90 or below
        if age < 1:
            return systolic < 70
        return systolic < (70 + 2 * age if age <= 10 else 90)

    def hypotension_grade(self, at: int, profile: str) -> int | None:
        pressors = {name for name, (role, _, _) in self.running.items() if role == "vasopressor"}
        vasopressin = any(role == "vasopressin" for role, _, _ in self.running.values())
        if len(pressors) >= 2:
            return 4
        if vasopressin:
            return 3
        if pressors:
            return 2 if profile == "house" and self.is_low_dose(*pressors) else 3
        low = self.signals["systolic"].low or self.signals["mean"].low
        if low or any(given <= at < given + BOLUS_HOLDS for given in self.boluses):
            return 2
        known = self.signals["systolic"].low is not None or self.signals["mean"].low is not None
        return 1 if known else None

    def is_low_dose(self, ingredient: str) -> bool:
        """A single agent below its limit; without a weight a dose per kg is unknown, and so not low."""
        limits = {"norepinephrine": 20, "dopamine": 10, "phenylephrine": 200, "epinephrine": 10}
        if ingredient not in limits:
            return False
        _, rate, unit = self.running[ingredient]
        per_min = {"mcg/min": Decimal(1), "mg/h": Decimal(1000) / 60, "mcg/kg/min": Decimal(1)}.get(unit or "")
        if rate is None or per_min is None:
            return False
        amount = Decimal(str(rate)) * per_min
        per_kg_charted, per_kg_limit = unit == "mcg/kg/min", ingredient == "dopamine"
        if per_kg_charted != per_kg_limit:
            if self.weight_kg is None:
                return False
            amount = amount * self.weight_kg if per_kg_charted else amount / self.weight_kg
        return rounded(amount) < limits[ingredient]

    def hypoxia_grade(self) -> int | None:
        spo2 = self.signals["spo2"].low
        support = self.support_grade()
        at_baseline = self.at_or_below_baseline()
        if support >= 2 and not at_baseline:
            return support
        if spo2 and (self.device in (None, "room_air") or at_baseline):
            return 2
        return 1 if spo2 is not None or self.support_known else None

    def support_grade(self) -> int:
        """What the support alone stands for; an unknown device counts by its flow."""
        if self.device in ("cpap", "bipap", "invasive_ventilation", "ecmo"):
            return 4
        if self.device in ("high_flow_nasal_cannula", "face_mask", "venturi", "non_rebreather", "tracheostomy_mask"):
            return 3
        if self.device == "room_air":
            return 1
        if self.device == "blow_by":
            return 2
        if self.device is None and not self.flow:
            return 1
        return 3 if self.flow is not None and self.flow > 6 else 2

    def at_or_below_baseline(self) -> bool:
        if self.baseline_device is None or self.device is None:
            return False
        if self.device != self.baseline_device:
            return DEVICE_ORDER.index(self.device) < DEVICE_ORDER.index(self.baseline_device)
        return self.flow is not None and self.baseline_flow is not None and self.flow <= self.baseline_flow

    def moved(self, axis: AxisOpinion, grade: int | None, at: int, *signals: str) -> AxisOpinion:
        """An axis that has changed has done so since the reading that was waiting to be confirmed, if it was one."""
        if grade == axis.grade:
            return axis
        confirmed = [self.signals[name] for name in signals if self.signals[name].counted_at == at]
        return AxisOpinion(grade, min([at, *(signal.since for signal in confirmed if signal.since is not None)]))

    # -- fever, masks, episodes

    def fever(self, at: int) -> bool:
        """The latest reading >= 38.0 decides: it is the last to lapse and the first to be after the infusion."""
        last = self.last_fever
        return last is not None and at < last + FEVER_HOLDS and (self.infused_at is None or last >= self.infused_at)

    def sign_grade(self, axis: str, grade: int | None) -> int:
        return 1 if grade is None or self.left_out.get(axis) else grade

    def signs_present(self) -> bool:
        return (
            max(self.sign_grade("hypotension", self.hypotension.grade), self.sign_grade("hypoxia", self.hypoxia.grade))
            >= 2
        )

    def mask_on_board(self, at: int) -> bool:
        for dose in self.doses:
            if "antipyretic" in dose.roles and at - dose.at <= ANTIPYRETIC_MASKS:
                return True
            if "steroid" in dose.roles and at - dose.at <= STEROID_MASKS:
                return True
            if dose.roles & ANTI_CYTOKINES and (self.infused_at is None or dose.at >= self.infused_at):
                return True
        return False

    def masked_in_episode(self) -> bool:
        return self.episode is not None and any(d.roles & MASKS and d.at >= self.episode.onset_at for d in self.doses)

    def end_episode(self, at: int) -> None:
        """It ends when every sign, every fever and every antipyretic lies far enough back."""
        episode = self.episode
        if episode is None or episode.ended_at is not None:
            return
        if self.fever(at) and not self.left_out.get("fever"):
            self.last_prolonging_fever = self.last_fever
        lasting = [episode.opened_at + QUIET_BEFORE_END]
        if self.last_prolonging_fever is not None:
            lasting.append(self.last_prolonging_fever + QUIET_BEFORE_END)
        if self.last_sign_at is not None:
            lasting.append(self.last_sign_at + QUIET_BEFORE_END)
        lasting += [dose.at + ANTIPYRETIC_BEFORE_END for dose in self.doses if "antipyretic" in dose.roles]
        if self.signs_present():
            return
        if at >= max(lasting):
            episode.ended_at = at
        else:
            heapq.heappush(self.agenda, max(lasting))

    def open_episode(self, at: int) -> None:
        if self.episode is not None and self.episode.ended_at is None:
            return
        feverish = self.fever(at) and not self.left_out.get("fever")
        after_infusion = self.infused_at is None or at >= self.infused_at
        unconfirmed = (
            self.profile == "house"
            and not feverish
            and after_infusion
            and self.signs_present()
            and self.mask_on_board(at)
        )
        if not feverish and not unconfirmed:
            return
        last = self.episode
        if last and last.ended_at is not None and not last.by_new_treatment and at <= last.ended_at + REOPENS_WITHIN:
            last.opened_at, last.ended_at = at, None
        else:
            number = last.number + 1 if last else 1
            self.episode = Episode(number, at, at, last.ended_at if last else None, unconfirmed)
        heapq.heappush(self.agenda, at + QUIET_BEFORE_END)

    # -- grades

    def grade_now(self, at: int) -> None:
        """The grade that the signs support from this instant on, by the profile and by ASTCT."""
        is_open = self.episode is not None and self.episode.ended_at is None
        feverish = self.fever(at) and not self.left_out.get("fever")
        if is_open and feverish and self.episode:
            self.episode.fever_seen = True
        established = is_open and self.episode is not None and self.episode.fever_seen and self.masked_in_episode()
        assumed = is_open and self.episode is not None and self.episode.unconfirmed and not self.episode.fever_seen
        house_masked = is_open and self.episode is not None and self.episode.unconfirmed
        self.criterion = feverish or established or house_masked
        grade = self.signs_grade(at, self.profile) if self.criterion else 0
        astct = self.signs_grade(at, "astct-2019") if (feverish or established) and not assumed else 0
        if self.died and self.death_attributed:
            grade = astct = 5
        self.raw.append((at, grade, astct))
        if is_open and self.episode:
            self.episode.peak_grade = max(self.episode.peak_grade, grade)

    def signs_grade(self, at: int, profile: str) -> int:
        hypotension = self.sign_grade("hypotension", self.hypotension_grade(at, profile))
        return max(1, hypotension, self.sign_grade("hypoxia", self.hypoxia.grade))

    def held(self, at: int, column: int) -> int:
        """The highest grade of the last 30 min; a stretch that ended exactly 30 min ago is over."""
        highest = 0
        until = at + 1
        for entry in reversed(self.raw):
            if until <= at - FALL_DELAY:
                break
            highest = max(highest, entry[column])
            until = entry[0]
        return highest

    def basis(self, at: int) -> str:
        if not self.criterion:
            return "none"
        assert self.episode is not None
        if self.episode.unconfirmed and not self.episode.fever_seen:
            return "masked_unconfirmed"
        counts = self.fever(at) and not self.left_out.get("fever")
        hot = counts and self.temperature is not None and self.temperature >= FEVER_CELSIUS
        return "masked" if self.masked_in_episode() and not hot else "fever"

    # -- the answer

    def opinion(self, at: int) -> Clinical:
        episode = self.episode
        given = [dose for dose in self.doses if "tocilizumab" in dose.roles]
        from_ = max(
            [x for x in (self.infused_at, episode.total_from if episode else None) if x is not None], default=None
        )
        total = sum(1 for d in given if d.indication != "prophylaxis" and (from_ is None or d.at >= from_))
        in_24h = sum(1 for d in given if at < d.at + DOSE_WINDOW)
        last_at = given[-1].at if given else None
        blocked_by, next_at = None, None
        if last_at is not None:
            next_at = last_at + DOSE_INTERVAL
            while sum(1 for d in given if next_at < d.at + DOSE_WINDOW) >= 3:
                next_at = min(d.at + DOSE_WINDOW for d in given if next_at < d.at + DOSE_WINDOW)
            if at < last_at + DOSE_INTERVAL:
                blocked_by = "interval"
        if in_24h >= 3:
            blocked_by = "limit_24h"
        if total >= 4:
            blocked_by = "limit_total"
        if next_at is not None and (next_at <= at or total >= 4):
            next_at = None
        return Clinical(
            grade=self.held(at, 1),
            astct_grade=self.held(at, 2),
            grade_basis=self.basis(at),
            fever=None if self.temperature is None else self.fever(at),
            hypotension=self.hypotension,
            hypoxia=self.hypoxia,
            is_open=episode is not None and episode.ended_at is None,
            episode=episode.number if episode else 0,
            onset_at=episode.onset_at if episode else None,
            peak_grade=episode.peak_grade if episode else 0,
            count_24h=in_24h,
            count_total=total,
            last_at=last_at,
            next_eligible_at=next_at,
            dose_mg=self.weight_based_dose(),
            blocked_by=blocked_by,
        )

    def weight_based_dose(self) -> Decimal | None:
        if self.weight_kg is None:
            return None
        per_kg = 12 if rounded(self.weight_kg, "0.1") < 30 else 8
        return min(Decimal(800), self.weight_kg * per_kg)
