"""The board's web server: the page, the event stream and the endpoint for answers, all behind the token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from string import Template
from time import monotonic, time

from aiohttp import web

from agents.board import metrics
from agents.board.acknowledge import AnswerWriter
from agents.board.auth import SessionAuth, is_loopback_host, is_same_origin
from agents.board.broadcast import ASSETS, Broadcaster, asset
from agents.board.config import BoardConfig
from agents.platform.errors import UserError
from agents.platform.kafka_connection import is_loopback

MAX_BODY_BYTES = 16 * 1024
STREAM_SECONDS = 3600.0  # then the page reconnects, and its cookie is renewed
WRONG_PAUSE_SECONDS = 0.5
CONTENT_TYPES = {".css": "text/css", ".js": "text/javascript"}
PUBLIC_PATHS = frozenset({"/enter", "/healthz", "/readyz", "/board.css"})
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
HTTPS_ONLY = "max-age=31536000"

Health = Callable[[], str | None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("crs.board")


class BoardServer:
    """`health`: why `/healthz` and why `/readyz` fail; each returns None when nothing is wrong."""

    def __init__(
        self,
        config: BoardConfig,
        auth: SessionAuth,
        broadcaster: Broadcaster,
        answer_writer: AnswerWriter,
        health: tuple[Health, Health],
    ) -> None:
        self.config, self.auth, self.broadcaster, self.answer_writer = config, auth, broadcaster, answer_writer
        self.alive, self.ready = health
        self.cookie = "__Host-crs_board" if config.secure else "crs_board"
        self.port = config.port
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self.guard])
        app.router.add_get("/", self.page)
        app.router.add_get("/enter", self.token_form)
        app.router.add_post("/enter", self.enter)
        app.router.add_post("/leave", self.leave)
        app.router.add_get("/live", self.live)
        app.router.add_post("/answers", self.answer)
        app.router.add_get("/healthz", self.health)
        app.router.add_get("/readyz", self.health)
        for name in ASSETS:
            app.router.add_get(f"/{name}", self._serve_asset(name))
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)

    async def start(self) -> None:
        """Listens. Raises UserError when the port cannot be used."""
        tls = self.config.ssl_context()
        await self.runner.setup()
        try:
            await web.TCPSite(self.runner, self.config.host, self.config.port, ssl_context=tls).start()
        except OSError as error:
            where = f"{self.config.host}:{self.config.port}"
            await self.runner.cleanup()
            raise UserError(f"board: {where}: {error.strerror}; choose another with --port") from error
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        """Disconnects all viewers and stops listening."""
        self.broadcaster.close()
        await self.runner.cleanup()

    @property
    def url(self) -> str:
        """The address for browsers."""
        if self.config.behind_proxy is not None:
            return f"{self.config.behind_proxy}/"
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http{'s' if self.config.secure else ''}://{host}:{self.port}/"

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What holds for every request: our name, our page, someone we know; and headers that keep it so."""
        try:
            response = self._refusal(request) or await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=f"{error.reason}\n")
        if not response.prepared:
            response.headers.update(self._headers())
        return response

    def _headers(self) -> dict[str, str]:
        return SECURITY_HEADERS | ({"Strict-Transport-Security": HTTPS_ONLY} if self.config.secure else {})

    def _refusal(self, request: web.Request) -> web.Response | None:
        by_name = is_loopback(self.config.host) and self.config.behind_proxy is None
        if by_name and not is_loopback_host(request.headers.get("Host")):
            return web.Response(status=421, text="This board is not known by that name.\n")
        if request.method not in ("GET", "HEAD"):
            origin, host = request.headers.get("Origin"), request.headers.get("Host")
            if not is_same_origin(origin, host, self.config.behind_proxy):
                return web.Response(status=403, text="Only the board's own page may ask that.\n")
        if request.path in PUBLIC_PATHS or self._has_session(request):
            return None
        if request.method == "GET" and request.path == "/":
            return web.Response(status=303, headers={"Location": "/enter"})
        return web.Response(status=401, text="Show the token first.\n")

    def _has_session(self, request: web.Request) -> bool:
        return self.auth.valid_session(request.cookies.get(self.cookie), time())

    def _set_cookie(self, request: web.Request, response: web.StreamResponse) -> None:
        response.set_cookie(
            self.cookie,
            self.auth.cookie(time(), request.cookies.get(self.cookie)),
            max_age=round(self.auth.session_seconds),
            path="/",
            httponly=True,
            secure=self.config.secure,
            samesite="Strict",
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The board's page; extends the session."""
        response = web.Response(text=asset("board.html"), content_type="text/html")
        self._set_cookie(request, response)
        return response

    async def token_form(self, request: web.Request) -> web.StreamResponse:
        """The form that asks for the token."""
        return self._render_form("")

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Checks the token of the form (never from the address, which is logged and kept) and starts a session."""
        if self.auth.rate_limited(time()):
            metrics.ENTRIES.labels("besieged").inc()
            return self._render_form("Too many wrong tokens. Wait a minute.", 429)
        token = (await request.post()).get("token")
        if not isinstance(token, str) or not self.auth.accepts_token(token, time()):
            metrics.ENTRIES.labels("wrong").inc()
            log.warning("entry outcome=wrong")
            await asyncio.sleep(WRONG_PAUSE_SECONDS)
            return self._render_form("That is not the token.", 401)
        metrics.ENTRIES.labels("right").inc()
        response = web.Response(status=303, headers={"Location": "/"})
        self._set_cookie(request, response)
        return response

    def _render_form(self, fault: str, status: int = 200) -> web.Response:
        text = Template(asset("enter.html")).substitute(fault=fault)
        return web.Response(status=status, text=text, content_type="text/html")

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """Ends the session of this browser, and every copy of its cookie."""
        self.auth.end_session(request.cookies.get(self.cookie), time())
        response = web.Response(status=303, headers={"Location": "/enter"})
        response.del_cookie(self.cookie, path="/", httponly=True, secure=self.config.secure, samesite="Strict")
        return response

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The event stream: the whole ward once, then changes."""
        if self.broadcaster.is_full:
            return web.Response(status=503, text="Too many are looking.\n")
        response = web.StreamResponse(
            headers=self._headers() | {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        self._set_cookie(request, response)
        await response.prepare(request)
        queue = self.broadcaster.subscribe(self.broadcaster.clock(), monotonic())
        until = monotonic() + STREAM_SECONDS
        try:
            while monotonic() < until and (message := await queue.get()) is not None:
                if self.auth.was_ended(request.cookies.get(self.cookie)):
                    break
                await response.write(message)
        except ConnectionError:
            pass  # The viewer has gone.
        finally:
            self.broadcaster.unsubscribe(queue)
        return response

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """An acknowledgement or a snooze."""
        if request.content_type != "application/json":
            return web.Response(status=415, text="JSON, please.\n")
        status, text = await self.answer_writer.write(await request.read())
        return web.Response(status=status, text=f"{text}\n")

    async def health(self, request: web.Request) -> web.StreamResponse:
        """`/healthz`: whether the process works; `/readyz`: whether its data is current."""
        wrong = self.alive() if request.path == "/healthz" else self.ready()
        return web.Response(status=200 if wrong is None else 503, text=f"{wrong or 'ok'}\n")

    @staticmethod
    def _serve_asset(name: str) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(text=asset(name), content_type=CONTENT_TYPES[PurePath(name).suffix])

        return answer
