"""Doses and infusions of CLIF stays, in the drugs, actions and units of the contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from agents.feeds import units
from agents.feeds.clif import mapping
from agents.feeds.clif.mapping import ClifRow, event
from monitor.guidelines.formulary_lookup import Formulary

Amount = tuple[float, str]
Convert = Callable[[float, str], Amount | None]
# The orders from which a drug runs, each with its rate; None is a rate that is not known.
Bags = dict[str, Amount | None]


class Medications:
    """Translates rows of the medication tables; remembers which infusions run, and from which orders."""

    def __init__(self, formulary: Formulary, unmapped: Counter[str], left_out: Counter[str]) -> None:
        self.formulary = formulary
        self.unmapped = unmapped
        self.left_out = left_out
        self._running: dict[tuple[str, str], Bags] = {}

    def infusions(self, stay: str, at: int, rows: list[ClifRow]) -> Iterator[ClifRow]:
        """Infusions by ingredient. One drug often runs from several orders, a bag relieving another at the same minute:
        it runs while any order runs, at the sum of their rates, and stops when the last one stops."""
        of_drug: dict[str, list[ClifRow]] = {}
        for row in rows:
            if _action(row) in mapping.ACTION_ORDER:
                of_drug.setdefault(self._ingredient(row), []).append(row)
            else:
                self.unmapped[f"infusion action {row['mar_action_category']}: {row['mar_action_name']}"] += 1
        for drug, changes in of_drug.items():
            bags = self._running.pop((stay, drug), {})
            ran = bool(bags)
            for row in sorted(changes, key=lambda row: mapping.ACTION_ORDER[_action(row)]):
                self._change(bags, row)
            if bags:
                self._running[stay, drug] = bags
            action = "stopped" if not bags else "rate_changed" if ran else "started"
            fields = {"drug": self._drug(changes[-1]), "action": action, **_sum(bags), **self._route(changes[-1])}
            yield event("i", "medication", stay, at, drug, **fields)

    def doses(self, stay: str, at: int, rows: list[ClifRow]) -> Iterator[ClifRow]:
        """Doses given or not; a dose of zero was not given. One dose filed under two categories is one dose."""
        seen = set()
        for number, row in enumerate(rows):
            action = self._given(row)
            if action is None:
                continue
            key = tuple(value for column, value in row.items() if column != "med_category")
            if row["med_order_id"] is not None and key in seen:
                self.left_out["medication_admin_intermittent: a dose under a second category"] += 1
                continue
            seen.add(key)
            if action == "given" and row["med_dose"] == 0:
                action = "not_given"
            drug, dose = self._counted(row), self._amount(row, "dose", units.dose)
            fields = {} if dose is None else {"dose": dose[0], "dose_unit": dose[1]}
            route = self._route(row)
            yield event("d", "medication", stay, at, f"{drug}/{number}", drug=drug, action=action, **fields, **route)

    def _change(self, bags: Bags, row: ClifRow) -> None:
        """One order starts, changes or stops; at a rate of zero it does not run."""
        self._counted(row)
        order = row["med_order_id"] or ""
        if _action(row) == "stop" or row["med_dose"] == 0:
            bags.pop(order, None)
        else:
            bags[order] = self._amount(row, "rate", units.rate)

    def _given(self, row: ClifRow) -> str | None:
        if (action := mapping.DOSE_ACTIONS.get(_action(row))) is not None:
            return action
        for part, action in mapping.OTHER_ACTION_NAMES:
            if part in mapping.plain(row["mar_action_name"] or ""):
                return action
        self.unmapped[f"dose action {row['mar_action_category']}: {row['mar_action_name']}"] += 1
        return None

    def _ingredient(self, row: ClifRow) -> str:
        """What a drug is the same drug by: two strengths of one ingredient are one infusion."""
        drug = self._drug(row)
        return "+".join(found.ingredient for found in self.formulary.find(drug)) or drug

    def _drug(self, row: ClifRow) -> str:
        """The site's name of the drug; the category where only that is a drug of ours."""
        name, category = row["med_name"], row["med_category"]
        for written in (name, category):
            if written and (self.formulary.find(written) or self.formulary.is_local(written)):
                return str(written)
        return str(name or category or "unknown")

    def _counted(self, row: ClifRow) -> str:
        drug = self._drug(row)
        if not self.formulary.find(drug):
            self.unmapped[f"drug {drug}"] += 1
        return drug

    def _amount(self, row: ClifRow, what: str, convert: Convert) -> Amount | None:
        """A dose or rate in the contract's units; without a unit that we know it is unknown, never guessed."""
        if row["med_dose"] is None:
            return None
        amount = convert(row["med_dose"], row["med_dose_unit"] or "")
        if amount is None:
            self.unmapped[f"{what} unit {row['med_dose_unit']}"] += 1
        return amount

    def _route(self, row: ClifRow) -> ClifRow:
        """A route that is stated but not one of ours is "other": it counts for no rule."""
        written = row["med_route_category"]
        if written is None:
            return {}
        route = mapping.ROUTES.get(mapping.plain(written))
        if route is None:
            self.unmapped[f"route {written}"] += 1
        return {"route": route or "other"}


def _action(row: ClifRow) -> str:
    return mapping.plain(row["mar_action_category"] or "")


def _sum(bags: Bags) -> ClifRow:
    """The rate of all bags together; unknown as soon as one is, or when they are not in the same unit."""
    known = [amount for amount in bags.values() if amount is not None]
    if not known or len(known) < len(bags) or len({unit for _, unit in known}) > 1:
        return {}
    return {"rate": round(sum(rate for rate, _ in known), units.DECIMALS), "rate_unit": known[0][1]}
