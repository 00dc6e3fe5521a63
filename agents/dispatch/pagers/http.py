"""HTTP, as all web receivers need it: what an answer means, and no redirects, which would carry keys elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from agents.dispatch.pagers.answer import TAKEN, PagerAnswer

# These say "not now"; every other 4xx says "never like this".
NOT_NOW = frozenset({408, 421, 423, 425, 429})
LONGEST_ANSWER = 64 * 1024


class Client:
    """Keeps connections to one destination, bounds every attempt, and follows nobody."""

    def __init__(
        self, timeout_seconds: float, at_once: int, token: str | None = None, proxy: str | None = None
    ) -> None:
        self.timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self.at_once = at_once
        self.headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self.proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made when it is first needed: there is a loop then."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self.at_once + 2)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self.timeout, headers=self.headers, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> PagerAnswer:
        """Posts JSON once. Never raises for what a network or a receiver does."""
        sent = {"content-type": "application/json", **(headers or {})}
        try:
            async with self.session.post(
                url, data=body, headers=sent, proxy=self.proxy, allow_redirects=False
            ) as answer:
                await answer.content.read(LONGEST_ANSWER)
                return meaning(answer.status, answer.headers.get("retry-after"))
        except aiohttp.InvalidURL as error:
            return PagerAnswer("refused", type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return PagerAnswer("again", type(error).__name__)

    async def get(self, url: str) -> Any:
        """JSON, or None and why not."""
        try:
            async with self.session.get(url, proxy=self.proxy, allow_redirects=False) as answer:
                if answer.status != 200:
                    return None, f"HTTP {answer.status}"
                return await answer.json(content_type=None), ""
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, type(error).__name__

    async def close(self) -> None:
        """Lets connections go."""
        if self._session is not None:
            await self._session.close()


def meaning(status: int, retry_after: str | None = None) -> PagerAnswer:
    """What a status says about trying again."""
    why = f"HTTP {status}"
    if 200 <= status < 300:
        return TAKEN
    if status == 410:
        return PagerAnswer("gone", why)
    if status >= 500 or status in NOT_NOW:
        return PagerAnswer("again", why, seconds(retry_after))
    return PagerAnswer("refused", why)


def seconds(retry_after: str | None) -> float | None:
    """Retry-After is a number of seconds or a date; nonsense is as if it were not there."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
