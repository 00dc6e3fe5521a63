"""One broker for all pytest-xdist workers: the process that started them owns it, and starts it when one asks.

So it outlives a worker that crashes, and ends with the run, also after Ctrl-C. If the owner itself is killed, the
kernel or Docker's reaper ends the broker.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from threading import Thread
from typing import Any

STOP, GIVE = "stop", "give"
Start = Callable[[], AbstractContextManager[tuple[str, ...]]]


class BrokerOwner:
    """Answers every worker with the same broker; the second waits while the first one's request starts it."""

    def __init__(self, start: Start) -> None:
        """`start`: enters with what the workers get; of an exception they get the text."""
        self._start, self._answer = start, ""
        self._broker: tuple[str, ...] | None = None
        self.key = secrets.token_bytes(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=self.key)
        self.port: int = self._listener.address[1]
        self._thread = Thread(target=self._serve, name="broker-owner", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the broker, if one was started; waits for a start that is under way."""
        ask(self.port, self.key, STOP)
        self._thread.join()

    def _serve(self) -> None:
        with ExitStack() as stack, self._listener as listener:
            while True:
                with suppress(EOFError, OSError, AuthenticationError), listener.accept() as connection:
                    if connection.recv() == STOP:
                        connection.send(None)
                        return
                    connection.send(self._given(stack))

    def _given(self, stack: ExitStack) -> tuple[str, ...] | str:
        """The broker, started at the first request; or why there is none, which is not tried again."""
        if self._broker is None and not self._answer:
            try:
                self._broker = stack.enter_context(self._start())
            except Exception as error:
                self._answer = str(error) or repr(error)
        return self._answer if self._broker is None else self._broker


def ask(port: int, key: bytes, request: str = GIVE) -> Any:
    """What the owner answers: the broker, or a text that says why there is none."""
    with Client(("127.0.0.1", port), authkey=key) as connection:
        connection.send(request)
        return connection.recv()
