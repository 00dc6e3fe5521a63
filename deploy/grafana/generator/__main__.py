"""Writes the dashboards: `python deploy/grafana/generator`; with `--check`, only lists the files that differ."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panels
import patient
import pipeline
import quality
import ward
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableOption, VariableRefresh, VariableSort

DIRECTORY = Path(__file__).parents[1] / "dashboards"
BEDS = """SELECT reference AS __value, coalesce(unit || ' ', '') || coalesce(bed, reference) AS __text
    FROM patients WHERE merged_into IS NULL ORDER BY 2"""


def ward_board() -> Dashboard:
    """Counts of the ward, by unit."""
    units = (
        QueryVariable("unit")
        .label("Unit")
        .datasource(panels.METRICS)
        .query({"query": "label_values(crs_patients, unit)", "refId": "units"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all", selected=True))
    )
    return ward.fill(board("Ward", "now-6h").with_variable(metrics()).with_variable(units))


def pipeline_board() -> Dashboard:
    """The way of an event."""
    return pipeline.fill(board("Pipeline", "now-1h").with_variable(metrics()))


def quality_board() -> Dashboard:
    """Enough, and not too much."""
    return quality.fill(board("Alert quality", "now-24h").with_variable(metrics()))


def patient_board() -> Dashboard:
    """One patient's story."""
    beds = (
        QueryVariable("patient")
        .label("Bed")
        .datasource(panels.HISTORY)
        .query(" ".join(BEDS.split()))
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.DISABLED)
    )
    history = source("history", "grafana-postgresql-datasource", "History", "crs-history")
    return patient.fill(board("Patient", "now-48h").with_variable(history).with_variable(beds))


def board(title: str, since: str) -> Dashboard:
    """An empty dashboard with its fixed name."""
    return (
        Dashboard(f"CRS {title}")
        .uid(f"crs-{title.lower().replace(' ', '-')}")
        .tags(["crs-monitor"])
        .description(panels.DISCLAIMER)
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh("10s")
        .readonly()
    )


def metrics() -> DatasourceVariable:
    """Which Prometheus; the provisioned one unless chosen otherwise."""
    return source("prometheus", "prometheus", "Metrics", "crs-prometheus")


def source(name: str, kind: str, label: str, uid: str) -> DatasourceVariable:
    """A data source, named by its uid."""
    return (
        DatasourceVariable(name).type(kind).label(label).current(VariableOption(text=label, value=uid, selected=True))
    )


BOARDS: dict[str, Callable[[], Dashboard]] = {
    "ward.json": ward_board,
    "pipeline.json": pipeline_board,
    "alert-quality.json": quality_board,
    "patient.json": patient_board,
}


def text(build: Callable[[], Dashboard]) -> str:
    """A dashboard as Grafana reads it from a file: `id` null, no `version`, panels numbered."""
    plain: dict[str, Any] = json.loads(json.dumps(build().build(), cls=JSONEncoder))
    plain.pop("version", None)
    plain["id"] = None
    plain["annotations"] = {"list": []}
    for number, panel in enumerate(plain["panels"], start=1):
        panel["id"] = number
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Writes or checks all of them."""
    differing = 0
    for name, build in BOARDS.items():
        path, wanted = DIRECTORY / name, text(build)
        found = path.read_text(encoding="utf-8") if path.is_file() else ""
        if "--check" not in sys.argv[1:]:
            path.write_text(wanted, encoding="utf-8")
        elif found != wanted:
            differing += 1
            print(f"{path.name}: differs from the generator; run python deploy/grafana/generator", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
