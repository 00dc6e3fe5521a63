"""Every panel of every dashboard has data in a run of the whole system."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from sqlalchemy import create_engine, text

from tests.deploy.system import System
from tests.deploy.tools import DEPLOY, one

GRAFANA = DEPLOY / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}
# The variables that Grafana replaces; the intervals are short because the run is.
REPLACED = {
    "$unit": ".*",
    "$__rate_interval": "10s",
    "$__range": "30s",
    "[1h]": "[30s]",
}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(key: str) -> list[Any]:
    return [
        pytest.param(target[key], id=f"{name}: {panel['title']} {target['refId']}")
        for name, board in BOARDS.items()
        for panel in panels(board)
        for target in panel.get("targets", [])
        if key in target
    ]


def test_the_files_are_as_the_generator_writes_them() -> None:
    done = subprocess.run(
        [sys.executable, str(GRAFANA / "generator"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in FILES} == {"ward", "pipeline", "alert-quality", "patient"}


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_keeps_to_grafanas_types(name: str) -> None:
    """Read into the schema's types and written again, the file is the same."""
    read = Dashboard.from_json(BOARDS[name])
    written = json.loads(json.dumps(read, cls=JSONEncoder))
    assert not differences(BOARDS[name], written)


def differences(ours: Any, theirs: Any, at: str = "") -> list[str]:
    """Where the schema's types read something else than the file has."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{at}.{key} is not known there" for key in ours.keys() - theirs.keys() if ours[key] is not None]
        for key in ours.keys() & theirs.keys():
            found += differences(ours[key], theirs[key], f"{at}.{key}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [found for place, pair in pairs for found in differences(*pair, f"{at}[{place}]")]
    return [] if ours == theirs else [f"{at}: {ours!r} became {theirs!r}"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_can_be_provisioned(name: str) -> None:
    board = BOARDS[name]
    assert board["id"] is None
    assert board["uid"] == f"crs-{name}"
    assert "version" not in board
    numbers = [panel["id"] for panel in panels(board)]
    assert len(numbers) == len(set(numbers))
    named = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(board)))
    assert used <= named, "a variable that nobody has defined"
    uids = {source["uid"] for source in one(GRAFANA / "provisioning/datasources/crs.yaml")["datasources"]}
    chosen = {v["current"]["value"] for v in board["templating"]["list"] if v["type"] == "datasource"}
    assert chosen <= uids


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_lie_on_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel.get("title")
        taken |= cells


@pytest.mark.parametrize("expression", queries("expr"))
def test_a_panel_of_prometheus_has_data(system: System, expression: str) -> None:
    for name, value in REPLACED.items():
        expression = expression.replace(name, value)
    deadline = time.monotonic() + 60
    while True:
        values = [float(sample["value"][1]) for sample in system.query(expression)]
        if any(map(math.isfinite, values)):
            return
        assert time.monotonic() < deadline, f"{expression} gives {values or 'nothing'}"
        time.sleep(0.5)


@pytest.mark.parametrize("sql", queries("rawSql"))
def test_a_panel_of_the_history_has_data(system: System, sql: str) -> None:
    """With the rights of the database reader, for a patient with doses and an onset."""
    with create_engine(system.database_url).connect() as connection:
        reference = connection.execute(
            text("SELECT reference FROM patients JOIN doses USING (patient_id) WHERE onset_at IS NOT NULL LIMIT 1")
        ).scalar_one()
        found = connection.execute(text(filled_in(sql, reference))).all()
    assert found, sql


def test_the_list_of_beds_shows_references_only(system: System) -> None:
    (beds,) = (v["query"] for v in BOARDS["patient"]["templating"]["list"] if v["name"] == "patient")
    with create_engine(system.database_url).connect() as connection:
        listed = connection.execute(text(beds)).all()
        ids = set(connection.execute(text("SELECT patient_id FROM patients")).scalars())
    assert listed
    assert not {value for bed in listed for value in bed} & ids


def filled_in(sql: str, reference: str) -> str:
    """Grafana's macros, over all time."""
    sql = sql.replace("${patient:sqlstring}", f"'{reference}'")
    sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN $__timeFrom() AND $__timeTo()", sql)
    sql = sql.replace("$__timeFrom()", "'2000-01-01T00:00:00Z'").replace("$__timeTo()", "'2100-01-01T00:00:00Z'")
    return sql.replace(":", r"\:")


def test_provisioning_finds_the_dashboards() -> None:
    providers = one(GRAFANA / "provisioning/dashboards/crs.yaml")
    compose = Path(DEPLOY.parent / "docker-compose.yml").read_text(encoding="utf-8")
    assert providers["providers"][0]["options"]["path"] in compose
