"""Where the nodes of a cluster listen and what it is called: decided once, kept in its directory."""

from __future__ import annotations

import json
import random
import socket
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from agents.brokers.local_kafka.properties import HOST, Ports
from agents.platform.errors import UserError

PLAN = "cluster.json"
LISTENED = range(20_000, 32_000)


def plan(data: Path, nodes: int, port: int | None, login: bool) -> tuple[str, list[Ports]]:
    """The cluster's identity and ports: those of last time, if there was one in this directory."""
    known: dict[str, Any] = json.loads((data / PLAN).read_text()) if (data / PLAN).is_file() else {}
    if known and len(known["ports"]) != nodes:
        raise UserError(f"{data} holds a cluster of {len(known['ports'])} nodes, not {nodes}; choose another --data")
    identity = known.get("identity") or new_identity()
    ports = [Ports(*each) for each in known.get("ports", ())]
    if not ports or (port is not None and port != ports[0].broker) or (login and not ports[0].login):
        free = iter(free_ports(nodes * 3))
        ports = [
            Ports(next(free) if port is None else port + n, next(free), next(free) if login else 0)
            for n in range(nodes)
        ]
    listed = [[each.broker, each.controller, each.login] for each in ports]
    (data / PLAN).write_text(json.dumps({"identity": identity, "ports": listed}))
    return identity, ports


def new_identity() -> str:
    """A cluster's name as Kafka has them: a UUID in base64, none that looks like an option."""
    while (identity := urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return identity


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that outgoing connections get: a node must find its own free again."""
    found: list[int] = []
    for port in random.sample(LISTENED, len(LISTENED)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            break
    return found


def is_free(port: int) -> bool:
    """Whether we could listen there."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
