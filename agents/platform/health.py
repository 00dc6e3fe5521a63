"""The HTTP server of a process for operations: /metrics, /healthz (liveness) and /readyz (readiness), nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents.platform.errors import UserError

PLAIN = "text/plain; charset=utf-8"
Check = Callable[[], str | None]


def serve(host: str, port: int, alive: Check, ready: Check) -> ThreadingHTTPServer:
    """Serves /metrics, /healthz and /readyz from a thread of its own until the caller shuts the server down.

    `alive`, `ready`: return what is wrong (status 503 and this text), or None (status 200, "ok").
    Raises UserError when the port cannot be opened.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path in ("/healthz", "/readyz"):
                fault = alive() if self.path == "/healthz" else ready()
                self._answer(200 if fault is None else 503, PLAIN, f"{fault or 'ok'}\n".encode())
            else:
                self._answer(404, PLAIN, b"served here: /metrics, /healthz, /readyz\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Logs no requests."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise UserError(f"port {port} on {host}: {error.strerror}; choose another with --metrics-port") from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
