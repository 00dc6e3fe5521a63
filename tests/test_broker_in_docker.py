"""A Kafka in Docker gets its address when its container has started: before, no container can say where it is."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import pytest
import testcontainers.core.container
import testcontainers.core.utils

import tests.broker
from tests.broker import ADDRESS, IMAGE, START_WHEN_ADDRESSED, in_docker


class Executed(NamedTuple):
    """The result of a command in a container."""

    exit_code: int
    output: bytes


class StrictContainer:
    """As testcontainers behaves inside a container: before the start it knows no address and runs no command."""

    exit_code: ClassVar[int] = 0
    made: ClassVar[list[StrictContainer]] = []

    def __init__(self, image: str) -> None:
        self.image = image
        self.ports: dict[str, Any] = {}
        self.settings: dict[str, str] = {}
        self.command: list[str] = []
        self.executed: list[list[str]] = []
        self.started = False
        self.made.append(self)

    def with_command(self, command: list[str]) -> StrictContainer:
        self.command = command
        return self

    def with_env(self, name: str, value: str) -> StrictContainer:
        self.settings[name] = value
        return self

    def __enter__(self) -> StrictContainer:
        self.started = True
        return self

    def __exit__(self, *_: object) -> None:
        self.started = False

    def get_container_host_ip(self) -> str:
        assert self.started, "Container is not started"
        return "172.17.0.1"

    def exec(self, command: list[str]) -> Executed:
        assert self.started, "Container should be started before executing a command"
        self.executed.append(command)
        return Executed(self.exit_code, b"no space left on device")


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch) -> list[StrictContainer]:
    monkeypatch.setattr(testcontainers.core.container, "DockerContainer", StrictContainer)
    monkeypatch.setattr(tests.broker, "answering", lambda _servers: True)
    monkeypatch.setattr(StrictContainer, "made", [])
    return StrictContainer.made


@pytest.mark.parametrize("inside", [True, False])
def test_it_advertises_the_address_that_the_started_container_has(
    containers: list[StrictContainer], monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    monkeypatch.setattr(testcontainers.core.utils, "inside_container", lambda: inside)
    with in_docker() as broker:
        (container,) = containers
        ((name, published),) = container.ports.items()
        port = int(name.partition("/")[0])
        assert broker.bootstrap_servers == f"172.17.0.1:{port}"
        assert container.image == IMAGE
        assert container.command == ["sh", "-c", START_WHEN_ADDRESSED]
        ((_, _, script),) = container.executed
        assert f"KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://172.17.0.1:{port}'" in script
        assert script.endswith(f"mv {ADDRESS}.new {ADDRESS}"), "Kafka never reads half an address"
        assert container.settings["KAFKA_LISTENERS"].startswith(f"PLAINTEXT://0.0.0.0:{port},")
        # It asks for no password: on the machine itself nobody else may reach it.
        assert published == (port if inside else ("127.0.0.1", port))


def test_a_container_that_cannot_be_addressed_is_an_error(
    containers: list[StrictContainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StrictContainer, "exit_code", 1)
    with pytest.raises(RuntimeError, match="no space left"), in_docker():
        pass
    assert not containers[0].started, "and it does not stay"
