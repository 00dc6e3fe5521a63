"""Admissions, moves and ends of CLIF stays. The format knows units, and no beds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from agents.feeds.clif import mapping
from agents.feeds.clif.mapping import ClifRow, Translated, event


def moves_of(rows: Iterable[ClifRow]) -> dict[str, list[Translated]]:
    """The moves of each stay, from ADT rows in time order."""
    moves: dict[str, list[Translated]] = {}
    for row in rows:
        at, stay = row["in_dttm"], row["hospitalization_id"]
        unit = row["location_name"] or row["location_category"]
        if unit is not None:
            move = event("a", "patient", stay, at, unit, status="transferred", unit=unit[:64])
            moves.setdefault(stay, []).append((at, move))
    return moves


def stay_of(row: ClifRow, person: ClifRow, moves: list[Translated], left_out: Counter[str]) -> Iterator[Translated]:
    """Who was in the emergency room before the admission is admitted from then on; nobody moves after the end."""
    stay, left_at = row["hospitalization_id"], row["discharge_dttm"]
    admitted_at = min([row["admission_dttm"], *(at for at, _ in moves)])
    yield admitted_at, event("h", "patient", stay, admitted_at, "admitted", status="admitted", **_age(row, person))
    for at, move in moves:
        if left_at is None or at < left_at:
            yield at, move
        else:
            left_out["adt: a move after the discharge"] += 1
    ended = _end(row, person)
    if ended is not None:
        yield ended[0], event("h", "patient", stay, ended[0], ended[1], status=ended[1])


def _age(row: ClifRow, person: ClifRow) -> ClifRow:
    """The age at admission; the date of birth where only that is known."""
    if row["age_at_admission"] is not None:
        return {"age_years": row["age_at_admission"]}
    born = person.get("birth_date")
    return {} if born is None else {"birth_date": born.isoformat()}


def _end(row: ClifRow, person: ClifRow) -> tuple[int, str] | None:
    """When and how the stay ended: the time of death is often a date only, so a death is placed at the discharge."""
    left_at, died_at = row["discharge_dttm"], person.get("death_dttm")
    category = mapping.plain(row["discharge_category"] or "missing")
    if left_at is None:
        return None if died_at is None or died_at < row["admission_dttm"] else (died_at, "died")
    if category == "still admitted":
        return None
    died = category == "expired" or (category == "missing" and died_at is not None and died_at <= left_at)
    return left_at, "died" if died else "discharged"
