"""Sessions of the board: the shared token once, then a signed cookie; and checks of where a request comes from."""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from hashlib import sha256
from urllib.parse import urlsplit

from agents.platform.kafka_connection import is_loopback

MAX_WRONG_TOKENS = 20
WRONG_TOKENS_WINDOW_SECONDS = 60.0


class SessionAuth:
    """Checks tokens and session cookies. `seconds` is Unix time, so that a cookie outlives a restart of the board."""

    def __init__(self, token: bytes, session_seconds: float) -> None:
        self._token = token
        self._key = hmac.new(token, b"board session", sha256).digest()
        self.session_seconds = session_seconds
        self._wrong_at: deque[float] = deque(maxlen=MAX_WRONG_TOKENS)
        self._ended_sessions: dict[str, float] = {}

    def accepts_token(self, token: str, seconds: float) -> bool:
        """Whether this is the token. The comparison takes the same time for every input."""
        right = hmac.compare_digest(sha256(token.strip().encode()).digest(), sha256(self._token).digest())
        if not right:
            self._wrong_at.append(seconds)
        return right

    def rate_limited(self, seconds: float) -> bool:
        """Whether too many wrong tokens came in a short time, from all clients together: then no token is accepted."""
        return len(self._wrong_at) == MAX_WRONG_TOKENS and seconds - self._wrong_at[0] < WRONG_TOKENS_WINDOW_SECONDS

    def cookie(self, seconds: float, before: str | None = None) -> str:
        """A cookie for a new session, or for the session of the cookie `before` with a later end."""
        name = (
            session_id(before) if before is not None and self.valid_session(before, seconds) else secrets.token_hex(8)
        )
        body = f"{int(seconds + self.session_seconds)}.{name}"
        return f"{body}.{self._signature(body)}"

    def valid_session(self, cookie: str | None, seconds: float) -> bool:
        """Whether our signature is right, the session has not expired, and nobody has ended it."""
        body, _, seal = (cookie or "").rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._signature(body).encode()):
            return False
        return int(body.partition(".")[0]) > seconds and not self.was_ended(cookie)

    def end_session(self, cookie: str | None, seconds: float) -> None:
        """Ends the session now, for every copy of any of its cookies."""
        self._ended_sessions = {name: ends for name, ends in self._ended_sessions.items() if ends > seconds}
        if cookie is not None and self.valid_session(cookie, seconds):
            self._ended_sessions[session_id(cookie)] = seconds + self.session_seconds

    def was_ended(self, cookie: str | None) -> bool:
        """Whether the session was ended before it expired."""
        return cookie is not None and session_id(cookie) in self._ended_sessions

    def _signature(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), sha256).hexdigest()


def session_id(cookie: str) -> str:
    """The part of a cookie that stays the same when its session is extended."""
    return ".".join(cookie.split(".")[1:2])


def is_same_origin(origin: str | None, host: str | None, public: str | None) -> bool:
    """Whether the Origin header names this board. `public`: the address that browsers use, when there is a proxy."""
    if not origin:
        return False
    if public is not None:
        return origin == public
    return bool(host) and urlsplit(origin).netloc == host


def is_loopback_host(host: str | None) -> bool:
    """Whether the Host header names this machine: protects a board on loopback from DNS rebinding."""
    try:
        return is_loopback(urlsplit(f"//{host or ''}").hostname or "")
    except ValueError:
        return False
