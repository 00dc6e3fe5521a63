"""The file `server.properties` of one broker: KRaft, small, on loopback only, quick to notice that another one died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one node. `login`: a further listener that asks for a password; 0 when there is none."""

    broker: int
    controller: int
    login: int = 0


@dataclass(frozen=True, slots=True)
class Login:
    """The user that the listener with a password accepts."""

    username: str
    password: str


def server_properties(node: int, everyone: Sequence[Ports], directory: Path, login: Login | None = None) -> str:
    """The text of the file. `node`: from 1; `everyone`: the ports of all nodes in order."""
    own, copies = everyone[node - 1], min(3, len(everyone))
    listeners = [f"PLAINTEXT://{HOST}:{own.broker}"]
    if login is not None:
        listeners.append(f"SASL_PLAINTEXT://{HOST}:{own.login}")
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{n}@{HOST}:{p.controller}" for n, p in enumerate(everyone, 1)),
        "listeners": ",".join([*listeners, f"CONTROLLER://{HOST}:{own.controller}"]),
        "advertised.listeners": ",".join(listeners),
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": ("PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"),
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": directory / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": max(1, copies - 1),
        # Clients wait for the coordinator of a dead broker: 3 s instead of 9.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # Small, because several nodes share one machine's memory and cores.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 << 20,
    }
    for internal in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        values |= {f"{internal}.replication.factor": copies, f"{internal}.num.partitions": 4}
    for internal in ("transaction.state.log", "share.coordinator.state.topic"):
        values[f"{internal}.min.isr"] = max(1, copies - 1)
    if login is not None:
        values |= {
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
                "org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'user_{login.username}="{login.password}";'
            ),
        }
    return "".join(f"{name}={value}\n" for name, value in values.items())
