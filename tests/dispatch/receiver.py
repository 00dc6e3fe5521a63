"""An HTTP receiver of pages with a mode (down, slow, rejecting, resetting, losing); keeps what it accepted."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Mode = str  # ok, down, slow, 500, 429, 400, 410, resets, forgets


@dataclass
class Received:
    """One request that was accepted (in the mode `resets`, without an answer)."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """The current mode, and every accepted request. `delay_seconds`: how long an answer takes."""

    port: int
    mode: Mode = "ok"
    delay_seconds: float = 0.0
    slow_seconds: float = 2.0
    retry_after: str = "1"
    location: str = ""  # the Location of a 3xx answer
    taken: list[Received] = field(default_factory=list)
    tried: int = 0
    answers: dict[str, Any] = field(default_factory=dict)  # the JSON for GET, by path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def posts(self) -> list[Any]:
        """The bodies in the order in which they were accepted."""
        return [received.json for received in list(self.taken)]

    def wait(self, number: int, seconds: float = 60.0) -> None:
        """Waits until so many requests were accepted."""
        until = time.monotonic() + seconds
        while len(self.taken) < number:
            assert time.monotonic() < until, f"{len(self.taken)} of {number} came in {seconds} s"
            time.sleep(0.02)


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A running receiver."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, json.dumps(this.answers.get(self.path, [])).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            this.tried += 1
            received = Received(
                time.time(), self.path, {name.lower(): value for name, value in self.headers.items()}, body
            )
            time.sleep(this.delay_seconds)
            match this.mode:
                case "ok":
                    this.taken.append(received)
                    self._answer(202, b"{}")
                case "slow":
                    time.sleep(this.slow_seconds)
                    this.taken.append(received)
                    with suppress(OSError):
                        self._answer(202, b"{}")
                case "resets":
                    this.taken.append(received)
                    self._reset()
                case "down":
                    self._reset()
                case "forgets":
                    self._answer(202, b"{}")
                case status:
                    self._answer(int(status), b"no")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", this.retry_after)
            if status // 100 == 3:
                self.send_header("Location", this.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that closes its connection is part of the tests."""

    server = Server(("127.0.0.1", port), Handler)
    this = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield this
    finally:
        server.shutdown()
        server.server_close()
