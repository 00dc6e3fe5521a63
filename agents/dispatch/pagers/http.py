"""HTTP client of the web pagers: maps a status to an answer, and follows no redirect, which could leak a key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from agents.dispatch.pagers.protocol import ACCEPTED, PagerAnswer

# Statuses below 500 that are worth another attempt; every other 4xx is permanent.
RETRY_STATUSES = frozenset({408, 421, 423, 425, 429})
LONGEST_ANSWER = 64 * 1024


class HttpClient:
    """Keeps connections to one destination. Every attempt has a timeout; redirects are not followed."""

    def __init__(
        self, timeout_seconds: float, connections: int, token: str | None = None, proxy: str | None = None
    ) -> None:
        self.timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self.connections = connections
        self.headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self.proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Created at the first use, because it needs a running event loop."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self.connections + 2)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self.timeout, headers=self.headers, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> PagerAnswer:
        """Posts JSON once. Never raises because of the network or the receiver."""
        all_headers = {"content-type": "application/json", **(headers or {})}
        try:
            async with self.session.post(
                url, data=body, headers=all_headers, proxy=self.proxy, allow_redirects=False
            ) as answer:
                await answer.content.read(LONGEST_ANSWER)
                return answer_to_status(answer.status, answer.headers.get("retry-after"))
        except aiohttp.InvalidURL as error:
            return PagerAnswer("rejected", type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return PagerAnswer("retry", type(error).__name__)

    async def get(self, url: str) -> Any:
        """The JSON of an answer and an empty string, or None and the reason."""
        try:
            async with self.session.get(url, proxy=self.proxy, allow_redirects=False) as answer:
                if answer.status != 200:
                    return None, f"HTTP {answer.status}"
                return await answer.json(content_type=None), ""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, type(error).__name__

    async def close(self) -> None:
        """Closes connections."""
        if self._session is not None:
            await self._session.close()


def answer_to_status(status: int, retry_after: str | None = None) -> PagerAnswer:
    """Whether a status is final or worth another attempt."""
    why = f"HTTP {status}"
    if 200 <= status < 300:
        return ACCEPTED
    if status == 410:
        return PagerAnswer("removed", why)
    if status >= 500 or status in RETRY_STATUSES:
        return PagerAnswer("retry", why, retry_after_seconds(retry_after))
    return PagerAnswer("rejected", why)


def retry_after_seconds(retry_after: str | None) -> float | None:
    """Retry-After is a number of seconds or a date; an invalid one is ignored."""
    if retry_after is None:
        return None
    written = retry_after.strip()
    if written.isascii() and written.isdigit():
        return float(written)
    try:
        until = parsedate_to_datetime(written)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):  # whatever a receiver writes, the page goes on
        return None
