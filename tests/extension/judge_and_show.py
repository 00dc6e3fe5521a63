"""Run in the extended copy: judges a patient with a high lactate, stores the state, shows it; prints JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from agents.board.patient_card import card
from agents.board.pseudonyms import Pseudonyms
from agents.board.ward import BoardPatient
from agents.history.rows import further_grades, vital_row
from agents.replay.statistics import Statistics
from agents.replay.summary import console_for, summary
from monitor.guidelines.in_force import load
from monitor.model import fresh
from monitor.patient_view import view
from monitor.record import row
from monitor.step import step
from schemas.decode import decode
from schemas.decoded import Decoded
from schemas.events import Tick
from schemas.wording import name_of


def main() -> None:
    """One patient, from the events on standard input."""
    guideline = load()
    state, alerts = fresh("A"), []
    for line in sys.stdin:
        decoded = decode(line.encode())
        assert isinstance(decoded, Decoded), decoded
        assert not isinstance(decoded.event, Tick)
        done = step(guideline, state, decoded.event, decoded.implausible)
        alerts += [f"{one.rule.id} {one.status}" for one in done.alerts if one.rule.id == "review-lactate"]
        state = row.decode(row.encode(row.Row(row.VERSION, 1, row.EMPTY_DIGEST, done.state))).state
        assert state == done.state, "stored and read back"
    published = view(guideline, state)
    at = datetime(2026, 3, 2, 11, tzinfo=UTC)
    shown = card(BoardPatient(0, published, {}), Pseudonyms(b"secret"), at).content
    statistics = Statistics(guideline)
    console = console_for()
    with console.capture() as printed:
        console.print(summary(statistics))
    print(
        json.dumps(
            {
                "alerts": alerts,
                "published": json.loads(published.model_dump_json()),
                "kept": len(state.facts.vitals),
                "board": {
                    "signal": next(one for one in shown["latest"] if one["name"] == name_of("lactate_mmol_per_l")),
                    "scale": next(one for one in shown["other_grades"] if one["scale"] == "Lactate"),
                    "alerts": [one["title"] for one in shown["alerts"]],
                },
                "history": [vital_row("l", published.latest["lactate_mmol_per_l"])["value"], further_grades(published)],
                "terminal": printed.get(),
            },
            default=str,
        )
    )


if __name__ == "__main__":
    main()
