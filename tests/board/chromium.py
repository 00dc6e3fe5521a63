"""Drives a headless Chromium over its debugging port: what people see, and the errors of the page."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agents.platform import child_processes

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
ALONE = ("--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0")
PATIENCE_SECONDS = 30.0
PAGE_REPLACED = "Inspected target navigated or closed"


class PageReplacedError(Exception):
    """The page that was asked was replaced by another one."""


class Page:
    """One tab. `complaints`: errors of scripts and violations of the content policy."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0
        self.complaints: list[str] = []

    async def ask(self, method: str, **parameters: Any) -> Any:
        """One command of the DevTools protocol.

        Raises:
            PageReplacedError: the page was replaced before it answered.
        """
        self._asked += 1
        await self._socket.send_json({"id": self._asked, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            if message.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(message["params"]["exceptionDetails"]))
            elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])
            elif message.get("id") == self._asked:
                if message.get("error", {}).get("message") == PAGE_REPLACED:
                    raise PageReplacedError
                assert "error" not in message, message
                return message["result"]

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        done = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def until(self, script: str) -> Any:
        """Waits until the expression is true, also across a change of page, and returns it. An element is true."""
        expression = f"((found) => found instanceof Node || found)({script})"
        loop = asyncio.get_running_loop()
        last = loop.time() + PATIENCE_SECONDS
        while True:
            with suppress(PageReplacedError):
                done = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
                if found := done["result"].get("value"):
                    return found
            if loop.time() > last:
                seen = await self.run("document.body.innerText")
                raise AssertionError(f"never: {script}\n{self.complaints}\n{seen}")
            await asyncio.sleep(0.1)

    async def enter(self, token: str) -> None:
        """Enters the board with a token."""
        await self.until("document.querySelector('#token')")
        await self.run(f"document.querySelector('#token').value = {quoted(token)}; document.forms[0].submit()")

    async def save_picture(self, file: Path) -> None:
        """Writes what the window shows as PNG."""
        shot = await self.ask("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))

    async def set_width(self, width: int) -> None:
        """Sets the width of the window in pixels."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.ask("Emulation.setDeviceMetricsOverride", **size)


@asynccontextmanager
async def page(url: str, *arguments: str) -> AsyncIterator[Page]:
    """A tab at this address; `arguments`: more of the browser's."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [program, *QUIET, *ALONE, *arguments, f"--user-data-dir={folder}", "about:blank"]
        process = child_processes.start(command, stdout=-3, stderr=-3)
        try:
            port = await debugging_port(Path(folder) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                tabs = await (await session.get(f"http://127.0.0.1:{port}/json")).json()
                address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    tab = Page(socket)
                    for domain in ("Runtime", "Log", "Page"):
                        await tab.ask(f"{domain}.enable")
                    await tab.ask("Page.navigate", url=url)
                    yield tab
        finally:
            child_processes.end([process])


async def debugging_port(file: Path) -> str:
    """The debugging port, from the file that the browser writes."""
    for _ in range(int(PATIENCE_SECONDS * 10)):
        if file.exists() and len(lines := file.read_text().split()) > 1:
            return lines[0]
        await asyncio.sleep(0.1)
    raise AssertionError("the browser does not start")


def quoted(text: str) -> str:
    """Text as a JavaScript literal."""
    return json.dumps(text)
