"""Starts the optional services of a demonstration that are installed: board, dispatch, Alertmanager, Prometheus."""

from __future__ import annotations

import json
import secrets
import shutil
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

from agents.board.launch import launched
from agents.demo.pager import DemoPager, listening
from agents.demo.processes import Processes, answers, free_port
from agents.platform.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTMANAGER = ("prometheus-alertmanager", "alertmanager")
PROMETHEUS = ("prometheus",)
NOBODY = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class OptionalServices:
    """What was started beside broker and worker; `places`: name and address, to look at."""

    def __init__(self, processes: Processes, closing: ExitStack) -> None:
        self.places: dict[str, str] = {}
        self.missing: list[str] = []
        self.pager: DemoPager | None = None
        self._processes = processes
        self._closing = closing

    def start(self, settings: Settings) -> None:
        """Everything that is there."""
        self._board(settings)
        alertmanager = self._alertmanager()
        dispatch_port = self._dispatch(settings, alertmanager)
        self._prometheus([settings.metrics_port, dispatch_port], alertmanager)

    def _board(self, settings: Settings) -> None:
        log = self._closing.enter_context((self._processes.folder / "board.log").open("wb"))
        board = self._closing.enter_context(launched(settings, log=log))
        self.places["the ward board"] = f"{board.url} (token {board.token})"

    def _alertmanager(self) -> str | None:
        program = installed(ALERTMANAGER)
        if program is None:
            self.missing.append("Alertmanager")
            return None
        config = DEPLOY / "alertmanager" / "alertmanager.yml"
        if not config.is_file():
            config = self._processes.folder / "alertmanager.yml"
            config.write_text(NOBODY, encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        self._processes.start(
            "alertmanager",
            [
                program,
                f"--config.file={config}",
                f"--storage.path={self._processes.folder / 'alertmanager'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
        )
        self._processes.wait("alertmanager", lambda: answers(f"http://{address}/-/ready"))
        self.places["Alertmanager"] = f"http://{address}"
        return address

    def _dispatch(self, settings: Settings, alertmanager: str | None) -> int:
        key = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
        self.pager = self._closing.enter_context(listening(key))
        self.places["what the pager gets"] = self.pager.address
        plan = self._processes.folder / "dispatch.toml"
        plan.write_text(paging_config(self._processes.folder, self.pager.hook, alertmanager), encoding="utf-8")
        for name, value in (("webhook", key), ("reference", secrets.token_hex(24))):
            file = self._processes.folder / f"{name}.secret"
            file.touch(mode=0o600)
            file.write_text(value, encoding="utf-8")
        port = free_port()
        ours = settings.model_copy(update={"metrics_port": port})
        self._processes.ours("dispatch", ["dispatch", "--config", str(plan)], ours)
        self._processes.wait("dispatch", lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        return port

    def _prometheus(self, ports: list[int], alertmanager: str | None) -> None:
        program = installed(PROMETHEUS)
        if program is None:
            self.missing.append("Prometheus")
            return
        config = self._processes.folder / "prometheus.yml"
        config.write_text(json.dumps(scrape(ports, alertmanager)), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        self._processes.start(
            "prometheus",
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={self._processes.folder / 'prometheus'}",
                f"--web.listen-address={address}",
            ],
        )
        self._processes.wait("prometheus", lambda: answers(f"http://{address}/-/ready"))
        self.places["Prometheus"] = f"http://{address}"


def installed(names: tuple[str, ...]) -> str | None:
    """Where a program is, under any of its names."""
    return next((found for name in names if (found := shutil.which(name))), None)


def paging_config(folder: Path, hook: str, alertmanager: str | None) -> str:
    """Who is paged: everything that asks for action goes to the pager, all of it to Alertmanager where there is one."""
    there = ["alertmanager"] if alertmanager else []
    lines = [
        "[dispatch]",
        'name = "demo"',
        f'reference_secret = {{ file = "{folder / "reference.secret"}" }}',
        f"default = [{json.dumps(['pager', *there])}]",
        "[[dispatch.routes]]",
        'priorities = ["low", "technical"]',
        f"tiers = {json.dumps([there] if there else [])}",
        "[dispatch.destinations.pager]",
        'kind = "webhook"',
        f'url = "{hook}"',
        f'secrets = [{{ file = "{folder / "webhook.secret"}" }}]',
    ]
    if alertmanager:
        lines += [
            "[dispatch.destinations.alertmanager]",
            'kind = "alertmanager"',
            f'urls = ["http://{alertmanager}"]',
        ]
    return "\n".join(lines) + "\n"


def scrape(ports: list[int], alertmanager: str | None) -> dict[str, object]:
    """Prometheus' configuration: YAML is a superset of JSON."""
    jobs = [("crs-worker", [f"127.0.0.1:{ports[0]}"]), ("crs-dispatch", [f"127.0.0.1:{ports[1]}"])]
    jobs += [("alertmanager", [alertmanager])] if alertmanager else []
    rules = DEPLOY / "prometheus" / "rules"
    found: dict[str, object] = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "2s"},
        "scrape_configs": [{"job_name": name, "static_configs": [{"targets": at}]} for name, at in jobs],
    }
    if rules.is_dir():
        found["rule_files"] = [str(rules / "*.yml")]
    if alertmanager:
        found["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return found
