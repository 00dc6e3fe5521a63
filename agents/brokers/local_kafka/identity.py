"""The id and the ports of a cluster: chosen once and kept in its directory, so that data and clients find it again."""

from __future__ import annotations

import json
import random
import socket
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from agents.brokers.local_kafka.server_properties import HOST, Ports
from agents.platform.errors import UserError

STORED = "cluster.json"
# Below the ports that the system gives to outgoing connections: a node that starts again must find its own ones free.
PORTS = range(20_000, 32_000)


def load_or_choose(data: Path, nodes: int, port: int | None, login: bool) -> tuple[str, list[Ports]]:
    """The cluster's id and the ports of its nodes: those stored in `data`, else new ones, which it stores.

    `port`: of the first broker; None: any free ones. Raises UserError when `data` holds another number of nodes.
    """
    stored: dict[str, Any] = json.loads((data / STORED).read_text()) if (data / STORED).is_file() else {}
    if stored and len(stored["ports"]) != nodes:
        raise UserError(f"{data} holds a cluster of {len(stored['ports'])} nodes, not {nodes}; choose another --data")
    identity = stored.get("identity") or new_identity()
    ports = [Ports(*each) for each in stored.get("ports", ())]
    if not ports or (port is not None and port != ports[0].broker) or (login and not ports[0].login):
        free = iter(free_ports(nodes * 3))
        ports = [
            Ports(next(free) if port is None else port + n, next(free), next(free) if login else 0)
            for n in range(nodes)
        ]
    listed = [[each.broker, each.controller, each.login] for each in ports]
    (data / STORED).write_text(json.dumps({"identity": identity, "ports": listed}))
    return identity, ports


def new_identity() -> str:
    """A cluster id as Kafka wants it: a UUID in base64. None that begins with `-`, which looks like an option."""
    while (identity := urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return identity


def free_ports(count: int) -> list[int]:
    """So many different ports that no process listens on."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            break
    return found


def is_free(port: int) -> bool:
    """Whether a process could listen on this port."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True
