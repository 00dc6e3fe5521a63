"""ICU stays in CLIF format as events of the contract, in the order in which they happened.

One hospitalization is one patient: `patient_id` is the `hospitalization_id`, so that stays of one person years apart
stay separate. Everything was put into the record by a person or verified there: `source` is "charted".
What the contract cannot express is counted in `unmapped`; rows without content are counted in `left_out`.
Implausible values stay in the events: only schemas/decode.py judges plausibility.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from agents.feeds.clif import mapping
from agents.feeds.clif.mapping import ClifRow, Translated, event
from agents.feeds.clif.medications import Medications
from agents.feeds.clif.movements import moves_of, stay_of
from agents.feeds.clif.tables import BEDSIDE, open_tables
from monitor.guidelines import formulary_loader


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
        parts: list[Iterable[Translated]] = [
            self._movements(),
            observed(self._by_instant("vitals", self._vitals), self._by_instant("respiratory_support", self._support)),
            self._by_instant("medication_admin_continuous", medications.infusions),
            self._by_instant("medication_admin_intermittent", medications.doses),
        ]
        for _, merged in heapq.merge(*parts, key=itemgetter(0)):
            yield merged

    def _rows(self, table: str) -> Iterator[ClifRow]:
        if table not in self._tables:
            return
        for row in self._tables[table].rows(self.left_out):
            self.rows_read += 1
            yield row

    def _by_instant(
        self, table: str, translate: Callable[[str, int, list[ClifRow]], Iterable[ClifRow]]
    ) -> Iterator[Translated]:
        """Translates the rows of each stay at each instant together."""
        for (at, stay), rows in groupby(self._rows(table), key=_place):
            for translated in translate(stay, at, list(rows)):
                yield at, translated

    # ---- vitals ----

    def _vitals(self, stay: str, at: int, rows: list[ClifRow]) -> Iterator[ClifRow]:
        """One event an instant; a second reading of a signal at that instant, or of the other way to take the
        pressure, goes into a further event: nothing is dropped here, and the judgement uses the worse one."""
        readings: list[tuple[list[bool], ClifRow]] = []
        for row in sorted(rows, key=_pressures_last):
            category, value = row["vital_category"], row["vital_value"]
            if value is None:
                self.left_out["vitals: no value"] += 1
            elif category == "weight_kg":
                yield event("w", "patient", stay, at, str(value), status="updated", weight_kg=round(value, 3))
            elif category not in mapping.SIGNALS:
                self.unmapped[f"vital {category}"] += 1
            else:
                self._add(readings, row)
        for number, (_, signals) in enumerate(readings):
            yield event("v", "vitals", stay, at, str(number), source="charted", **signals)

    def _add(self, readings: list[tuple[list[bool], ClifRow]], row: ClifRow) -> None:
        """Puts a reading beside those of the same instant: each signal once, arterial and cuff pressures apart."""
        signal = mapping.SIGNALS[row["vital_category"]]
        way = [mapping.is_arterial(row)] if row["vital_category"] in mapping.PRESSURES else []
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
        site = mapping.TEMPERATURE_SITES.get(mapping.plain(written))
        if site is None:
            self.unmapped[f"temperature site {written}"] += 1
        return site or "unknown"

    # ---- oxygen ----

    def _support(self, stay: str, at: int, rows: list[ClifRow]) -> Iterator[ClifRow]:
        """Device, flow and oxygen fraction. Rows with other ventilator settings only are left out."""
        for number, row in enumerate(rows):
            stated = {
                "oxygen_device": self._device(row),
                "oxygen_flow_l_per_min": row["lpm_set"],
                "fio2_fraction": mapping.fraction(row["fio2_set"]),
            }
            support = {signal: value for signal, value in stated.items() if value is not None}
            if support:
                yield event("o", "vitals", stay, at, str(number), source="charted", **support)
            else:
                self.left_out["respiratory_support: no device, flow or oxygen fraction"] += 1

    def _device(self, row: ClifRow) -> str | None:
        """The device as the contract names it; an unknown one is counted, and its flow is still reported."""
        name, category = row["device_name"], row["device_category"]
        device = mapping.device(name, category)
        if device is None and (name or category):
            self.unmapped[f"oxygen device {category}: {(name or '').strip()}"] += 1
        return device

    # ---- movements ----

    def _movements(self) -> list[Translated]:
        """Admissions, moves and ends of the stays that have bedside data."""
        people = {row["patient_id"]: row for row in self._rows("patient")}
        moves = moves_of(row for row in self._rows("adt") if row["hospitalization_id"] in self._known)
        movements: list[Translated] = []
        for row in self._rows("hospitalization"):
            if row["hospitalization_id"] in self._known:
                ours = moves.pop(row["hospitalization_id"], [])
                movements += stay_of(row, people.get(row["patient_id"], {}), ours, self.left_out)
            else:
                self.left_out["hospitalization: no bedside data"] += 1
        movements += [move for orphaned in moves.values() for move in orphaned]
        return sorted(movements, key=itemgetter(0))


def observed(vitals: Iterable[Translated], support: Iterable[Translated]) -> Iterator[Translated]:
    """Puts the oxygen support of an instant into the first vitals of that instant: one observation."""
    for at, group in groupby(heapq.merge(vitals, support, key=itemgetter(0)), key=itemgetter(0)):
        events: list[ClifRow] = []
        first: dict[str, ClifRow] = {}
        for _, translated in group:
            carried = [name for name in mapping.SUPPORT if name in translated]
            seen = first.get(translated["patient_id"])
            if carried and seen is not None and not any(name in seen for name in mapping.SUPPORT):
                seen.update((name, translated[name]) for name in carried)
                continue
            events.append(translated)
            if translated["type"] == "vitals":
                first.setdefault(translated["patient_id"], translated)
        for merged in events:
            yield at, merged


def _pressures_last(row: ClifRow) -> tuple[bool, bool]:
    """Order of the readings of one instant: pressures last, arterial before cuff."""
    return row["vital_category"] in mapping.PRESSURES, not mapping.is_arterial(row)


def _place(row: ClifRow) -> tuple[int, str]:
    at = row.get("recorded_dttm", row.get("admin_dttm", row.get("in_dttm")))
    assert at is not None, "rows without a time were left out"
    return at, row["hospitalization_id"]
