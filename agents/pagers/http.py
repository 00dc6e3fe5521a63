"""HTTP, as all web receivers need it: what an answer means, and no redirects, which would carry keys elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from agents.pagers.answer import TAKEN, Answer

# These say "not now"; every other 4xx says "never like this".
NOT_NOW = frozenset({408, 421, 423, 425, 429})


def client(timeout_seconds: float, at_once: int, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """A client that keeps connections, bounds every attempt, and follows nobody."""
    limits = httpx.Limits(max_connections=at_once + 2, max_keepalive_connections=at_once + 2)
    timeout = httpx.Timeout(timeout_seconds, pool=timeout_seconds)
    return httpx.AsyncClient(timeout=timeout, limits=limits, headers=dict(headers or {}), follow_redirects=False)


async def post(http: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Posts JSON once. Never raises for what a network or a receiver does."""
    try:
        answer = await http.post(url, content=body, headers={"content-type": "application/json", **(headers or {})})
    except (httpx.TransportError, httpx.StreamError) as error:
        return Answer("again", type(error).__name__)
    except httpx.InvalidURL as error:
        return Answer("refused", type(error).__name__)
    return meaning(answer.status_code, answer.headers.get("retry-after"))


def meaning(status: int, retry_after: str | None = None) -> Answer:
    """What a status says about trying again."""
    why = f"HTTP {status}"
    if 200 <= status < 300:
        return TAKEN
    if status == 410:
        return Answer("gone", why)
    if status >= 500 or status in NOT_NOW:
        return Answer("again", why, seconds(retry_after))
    return Answer("refused", why)


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
