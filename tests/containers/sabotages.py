"""Eight faults of the compose system: what each changes, and the check that must notice it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.changed_text import changed
from tests.containers import checks
from tests.containers.checks import Check
from tests.containers.compose_system import ComposeSystem
from tests.deploy.tools import ROOT


class Sabotage(NamedTuple):
    """A fault of the compose system.

    `services`: the containers that get it; `compose`: the override file, in which {folder} is where `files` are:
    copies of our files with words replaced. `noticed_by` must fail with `because`, for all of `seconds`.
    """

    services: tuple[str, ...]
    compose: str
    noticed_by: Check
    because: str
    files: Mapping[str, Mapping[str, str]] = {}
    seconds: float = 20

    def written(self, folder: Path) -> Path:
        """Writes the changed copies and the override file into the folder, and gives the latter."""
        for file, changes in self.files.items():
            copy = folder / Path(file).name
            copy.write_text(changed((ROOT / file).read_text(encoding="utf-8"), *changes.items()), encoding="utf-8")
            copy.chmod((ROOT / file).stat().st_mode)
        override = folder / "sabotage.yml"
        override.write_text(self.compose.replace("{folder}", str(folder)), encoding="utf-8")
        return override

    @contextmanager
    def happening(self, system: ComposeSystem) -> Iterator[None]:
        """The containers with the fault; afterwards as they were."""
        system.sabotage = self.written(system.folder)
        try:
            system.up(*self.services, wait=False)
            yield
        finally:
            system.sabotage = None
            system.up()


def measurements_are_kept(system: ComposeSystem, seconds: float) -> None:
    """A new Prometheus container has the measurements of the one before."""
    checks.all_targets_are_up(system)
    moment = time.time()
    system.compose("rm", "--stop", "--force", "prometheus")
    system.up("prometheus")
    checks.measurements_reach_back(system, moment, seconds)


SABOTAGES = {
    "proxy": Sabotage(
        ("board-tls",),
        "services: {board-tls: {cap_add: !reset []}}",  # caddy has it as a file capability
        checks.the_board_is_live,
        "Connection (refused|reset)",
    ),
    "target": Sabotage(
        ("prometheus",),
        "services: {prometheus: {volumes: ['{folder}/prometheus.yml:/etc/prometheus/prometheus.yml:ro']}}",
        checks.all_targets_are_up,
        r"not up: \['crs-worker worker-2:9101'\]",
        files={"deploy/prometheus/prometheus.yml": {'"worker-2:9101"': '"worker-2:9102"'}},
    ),
    "rule": Sabotage(
        ("prometheus",),
        "services: {prometheus: {volumes: ['{folder}/dispatch.yml:/etc/prometheus/rules/dispatch.yml:ro']}}",
        checks.all_rules_are_loaded,
        r"not loaded or not evaluated: \['CrsAlive', 'CrsIsAlive'\]",
        files={"deploy/prometheus/rules/dispatch.yml": {"CrsAlive": "CrsIsAlive"}},
    ),
    "reader role": Sabotage(
        ("history-db", "history"),
        "services: {history-db: {volumes: ['other:/var/lib/postgresql/data',"
        " '{folder}/10-roles.sh:/docker-entrypoint-initdb.d/10-roles.sh:ro']}}\nvolumes: {other: {}}",
        checks.the_reader_reads_the_history,
        "permission denied for table alerts",
        files={
            "deploy/postgres/10-roles.sh": {
                "GRANT SELECT ON TABLES TO crs_reader": "REVOKE SELECT ON TABLES FROM crs_reader"
            }
        },
        seconds=30,
    ),
    "Alertmanager": Sabotage(
        ("dispatch", "alertmanager"),
        "services:\n"
        "  dispatch: {volumes: ['{folder}/dispatch.toml:/etc/crs/dispatch.toml:ro']}\n"
        "  alertmanager: {environment: {ANEW: 1}}\n",  # a new container has forgotten its alerts
        checks.alertmanager_has_the_pages,
        "was not told of .*clinicians.*CrsMonitorAlive",
        files={"deploy/compose/dispatch.toml": {"alertmanager:9093": "alertmanager:9094"}},
        seconds=40,
    ),
    "volume": Sabotage(
        ("prometheus",),
        "services: {prometheus: {volumes: !override"
        " ['./deploy/prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro']}}",
        measurements_are_kept,
        "measurements are lost",
    ),
    "health check": Sabotage(
        ("board",),
        "services: {board: {healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1, start_period: 0s}}}",
        checks.every_part_is_healthy,
        r"not healthy: .*'board': \('running', 'unhealthy'",
    ),
    "workers gone": Sabotage(
        ("worker-1", "worker-2"),
        "services: {worker-1: {scale: 0}, worker-2: {scale: 0}}",
        checks.grades_move,
        "no grade has moved",
        seconds=40,
    ),
}
