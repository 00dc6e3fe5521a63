"""A receiver of signed webhooks on this machine, with a page that shows what it received."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PAGES_KEPT = 300
LONGEST_BYTES = 64 * 1024
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 24px auto; max-width: 900px; color: #22303c; padding: 0 12px; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: 5px 10px; border-bottom: 1px solid #dde3e8; }
.high { border-left: 5px solid #b3261e; } .medium { border-left: 5px solid #c77700; }
.low { border-left: 5px solid #1f6fb2; } .technical { border-left: 5px solid #6b7680; }
p { color: #66737f; }
"""


class DemoPager:
    """What was received, newest first. `address`: where the page is; `hook`: where pages are to be sent."""

    def __init__(self, secret: str) -> None:
        self.pages: deque[dict[str, Any]] = deque(maxlen=PAGES_KEPT)
        self.counts: Counter[str] = Counter()
        self.address = ""
        self._verifier = Webhook(secret)
        self._lock = threading.Lock()

    @property
    def hook(self) -> str:
        """Where pages are to be sent."""
        return f"{self.address}/page"

    def receive(self, body: bytes, headers: dict[str, str]) -> bool:
        """One page; False when its signature is not ours."""
        try:
            self._verifier.verify(body, headers)
        except WebhookVerificationError:
            return False
        page = json.loads(body)
        with self._lock:
            self.counts[page["type"].rpartition(".")[2]] += 1
            self.pages.appendleft(page)
        return True

    def page(self) -> str:
        """The page for a browser; nothing in it names a patient."""
        with self._lock:
            got, counts = list(self.pages), dict(self.counts)
        rows = "".join(row_of(page) for page in got)
        counted = ", ".join(f"{count} {act}" for act, count in sorted(counts.items())) or "nothing yet"
        return (
            "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=2>"
            f"<title>Pager</title><style>{STYLE}</style><h1>What the pager got</h1>"
            f"<p>{escape(counted)}. Decision support: not a medical device, and not a primary alarm. Pages carry a bed "
            "and an opaque reference, never a name, a drug or a value.</p>"
            "<table><tr><th>what<th>page<th>bed<th>unit<th>reference<th>grade</tr>" + rows + "</table></html>"
        )


def row_of(page: dict[str, Any]) -> str:
    """One page as a row."""
    alert = page["data"]
    act = page["type"].rpartition(".")[2]
    cells = (act, alert["text"], alert["bed"], alert["unit"], alert["reference"], alert["grade"])
    inner = "".join(f"<td>{escape('' if cell is None else str(cell))}" for cell in cells)
    return f'<tr class="{escape(alert["priority"])}">{inner}</tr>'


@contextmanager
def listening(secret: str) -> Iterator[DemoPager]:
    """A pager on a free port of loopback, until the end of the block."""
    pager = DemoPager(secret)

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            body = pager.page().encode()
            self._answer(200 if self.path == "/" else 404, body if self.path == "/" else b"")

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            if self.path != "/page" or not 0 < length <= LONGEST_BYTES:
                self._answer(404, b"")
                return
            taken = pager.receive(
                self.rfile.read(length), {name.lower(): value for name, value in self.headers.items()}
            )
            self._answer(204 if taken else 401, b"")

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    pager.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield pager
    finally:
        server.shutdown()
        server.server_close()
