"""`--quick`: the tests that start no other program and are not slow. Found from what they call, not from a list.
`--containers`: also those that need a container engine of their own (`make containers`).

A test gets the marker `programs` when it, a fixture of its or a function of tests/ that they call names something that
starts a program. With `--quick` those are left out, and a test that starts a program all the same fails.
"""

from __future__ import annotations

import inspect
import multiprocessing
import subprocess
import sys
from collections.abc import Generator, Iterator
from ipaddress import ip_address
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from agents.brokers.embedded import EmbeddedKafka
from agents.brokers.local_kafka.cluster import Cluster
from agents.platform import child_processes

STARTERS = (subprocess, multiprocessing, child_processes, EmbeddedKafka, Cluster)
STARTING_FIXTURES = {"pytester"}
STARTING_EVENTS = {"subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "os.system"}
STARTED: list[str] = []
WATCHING: list[str] = []  # The test that runs with --quick, if any.


def pytest_addoption(parser: pytest.Parser) -> None:
    """The lanes."""
    parser.addoption("--quick", action="store_true", help="only tests that start no program and are not slow")
    parser.addoption(
        "--containers", action="store_true", help="also tests on the container engine of `make containers`"
    )


def pytest_configure(config: pytest.Config) -> None:
    """An audit hook cannot be removed, so it asks each time whether a quick test runs."""
    if config.getoption("--quick"):
        sys.addaudithook(refuse_programs)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks tests that start programs, and deselects those that the options leave out."""
    seen: dict[object, bool] = {}
    for item in items:
        if any(starts_programs(each, seen) for each in functions_of(item)) or STARTING_FIXTURES & fixtures_of(item):
            item.add_marker("programs")
    markers = {"programs", "slow"} if config.getoption("--quick") else set()
    markers |= set() if config.getoption("--containers") else {"containers"}
    leave_out(config, items, [item for item in items if any(map(item.get_closest_marker, markers))])


def leave_out(config: pytest.Config, items: list[pytest.Item], left_out: list[pytest.Item]) -> None:
    """Deselects these tests."""
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def fixtures_of(item: pytest.Item) -> set[str]:
    """The names of all fixtures that a test needs, also through other fixtures."""
    return set(getattr(item, "fixturenames", ()))


def functions_of(item: pytest.Item) -> Iterator[object]:
    """The test's function and those of its fixtures."""
    yield getattr(item, "obj", None)
    info = getattr(item, "_fixtureinfo", None)
    for definitions in info.name2fixturedefs.values() if info else ():
        yield from (definition.func for definition in definitions)


def starts_programs(thing: object, seen: dict[object, bool]) -> bool:
    """Whether a function or class of tests/ names a starter, itself or through what it calls."""
    if isinstance(thing, type):
        return any(starts_programs(each, seen) for each in list(vars(thing).values()))
    function = plain(thing)
    if function is None or not function.__module__.startswith("tests"):
        return False
    if function not in seen:
        seen[function] = False  # A function that calls itself adds nothing.
        seen[function] = any(
            any(each is starter for starter in STARTERS) or starts_programs(each, seen) for each in named_in(function)
        )
    return seen[function]


def plain(thing: object) -> FunctionType | None:
    """The function under decorators and properties, if there is one."""
    thing = getattr(thing, "fget", thing)
    thing = getattr(getattr(thing, "hypothesis", None), "inner_test", thing)
    function = inspect.unwrap(thing) if callable(thing) else None
    function = getattr(function, "__func__", function)
    return function if isinstance(function, FunctionType) else None


def named_in(function: FunctionType) -> Iterator[object]:
    """The objects that the names in a function's code stand for, attributes of our test modules too."""
    names = set(names_in(function.__code__))
    found = [function.__globals__[name] for name in names if name in function.__globals__]
    for module in [each for each in found if isinstance(each, ModuleType) and each.__name__.startswith("tests")]:
        found += [vars(module)[name] for name in names if name in vars(module)]
    yield from found


def names_in(code: CodeType) -> Iterator[str]:
    """All names that a piece of code and the code inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def refuse_programs(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook: raises when a quick test starts a program or calls another machine."""
    if not WATCHING:
        return
    if event in STARTING_EVENTS or (event == "socket.connect" and not is_local(arguments[1])):
        STARTED.append(f"{event}{arguments[:2]!r:.200}")
        raise RuntimeError(f"a quick test starts no program and calls no other machine: {STARTED[-1]}")


def is_local(address: object) -> bool:
    """Whether a socket's address is on this machine."""
    if not isinstance(address, tuple):
        return True
    return address[0] == "localhost" or (address[0][:1].isdigit() and ip_address(address[0]).is_loopback)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watches from the first fixture to the last."""
    if item.config.getoption("--quick"):
        WATCHING.append(item.nodeid)
    try:
        return (yield)
    finally:
        WATCHING.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fails a test that started a program, also when the code under test swallowed the refusal."""
    result = yield
    started = [*STARTED]
    STARTED.clear()
    if started:
        pytest.fail(f"not quick, and not found so: {started}; mark it `programs`", pytrace=False)
    return result
