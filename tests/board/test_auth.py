"""Token and session, requests of other origins, and the security headers."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from agents.board.auth import SessionAuth, is_loopback_host, is_same_origin
from agents.board.config import BoardConfig, load
from agents.platform.errors import UserError
from tests.board.running_board import NAME, TOKEN, RunningBoard, enter, play

CLICK = {"alert": "x", "act": "acknowledge", "by": "Nurse Okafor", "click": "0123456789"}


def test_without_a_session_there_is_only_the_form_for_the_token() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        front = await browser.get("/", allow_redirects=False)
        assert (front.status, front.headers["Location"]) == (303, "/enter")
        assert "Token" in await (await browser.get("/enter")).text()
        for path in ("/live", "/board.js", "/draw.js", "/nothing"):
            assert (await browser.get(path)).status == 401, path
        for path in ("/answers", "/leave"):
            assert (await browser.post(path, json=CLICK)).status == 401, path
        assert board.producer.written == []

    play(scene)


def test_a_wrong_token_gives_no_session() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        for token in ("", "wrong", TOKEN[:-1], TOKEN + "x"):
            answer = await enter(browser, token)
            assert answer.status == 401
            assert "Set-Cookie" not in answer.headers
        assert (await browser.get("/live")).status == 401

    play(scene)


def test_the_token_is_entered_once_and_then_a_cookie_is_enough() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        answer = await enter(browser)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        assert all(part in cookie for part in ("crs_board=", "HttpOnly", "SameSite=Strict", "Path=/"))
        assert TOKEN not in cookie
        page = await browser.get("/")
        assert page.status == 200
        assert "Decision support: not a medical device, and not a primary alarm." in await page.text()
        assert (await browser.get("/board.js")).status == 200

    play(scene)


def test_after_leaving_the_token_is_needed_again_also_with_a_copy_of_the_cookie() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        stolen = {cookie.key: cookie.value for cookie in browser.cookie_jar}
        await browser.get("/")  # which makes the session longer, with a cookie of its own
        await browser.post("/leave", allow_redirects=False)
        assert (await browser.get("/live")).status == 401
        async with aiohttp.ClientSession(board.url, cookies=stolen) as thief:
            assert (await thief.get("/board.js")).status == 401

    play(scene)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null", ""])
def test_a_request_from_another_origin_is_refused(origin: str) -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        assert (await enter(browser, Origin=origin)).status == 403
        await enter(browser)
        foreign = {"Origin": origin}
        click = CLICK | {"alert": board.keys()[0]}
        assert (await browser.post("/answers", json=click, headers=foreign)).status == 403
        assert (await browser.post("/leave", headers=foreign)).status == 403
        assert board.producer.written == []
        assert (await browser.get("/board.js")).status == 200

    play(scene)


def test_a_form_of_another_site_cannot_answer_even_with_our_origin() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        assert (await browser.post("/answers", data=CLICK | {"alert": board.keys()[0]})).status == 415
        assert board.producer.written == []

    play(scene)


def test_a_request_with_a_foreign_host_name_is_refused() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        assert (await browser.get("/", headers={"Host": "board.evil.example"})).status == 421
        assert (await browser.get("/", headers={"Host": f"localhost:{board.server.port}"})).status == 200

    play(scene)


@pytest.mark.parametrize("path", ["/", "/enter", "/live", "/board.css", "/healthz", "/nothing"])
def test_every_response_has_security_headers(path: str) -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        async with browser.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert "Strict-Transport-Security" not in answer.headers

    play(scene)


def test_behind_a_proxy_cookies_are_for_tls_only_and_the_public_page_is_ours() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        assert board.server.url == "https://board.example/"
        assert (await enter(browser)).status == 403  # our own address is not the public one
        answer = await enter(browser, Origin="https://board.example", Host="board.example")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-crs_board=")
        assert "Secure" in cookie
        assert "Strict-Transport-Security" in answer.headers

    play(scene, behind_proxy="https://board.example")


def test_health_needs_no_token_and_names_no_patient() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        alive, ready = await browser.get("/healthz"), await browser.get("/readyz")
        assert (alive.status, await alive.text()) == (200, "ok\n")
        assert (ready.status, await ready.text()) == (503, "blind\n")

    play(scene)


def test_wrong_tokens_are_rate_limited() -> None:
    auth = SessionAuth(TOKEN.encode(), 60)
    for second in range(20):
        assert not auth.rate_limited(second)
        assert not auth.accepts_token("guess", second)
    assert auth.rate_limited(20)
    assert not auth.rate_limited(60)


def test_an_extended_session_stays_one_session_and_ends_as_a_whole() -> None:
    auth = SessionAuth(TOKEN.encode(), 60)
    first = auth.cookie(1000)
    second = auth.cookie(1030, first)
    another = auth.cookie(1030)
    assert first != second
    assert auth.valid_session(second, 1089)
    auth.end_session(second, 1040)
    assert [auth.valid_session(one, 1041) for one in (first, second, another)] == [False, False, True]
    assert auth.was_ended(first)
    assert not auth.was_ended(None)
    assert not auth.valid_session(auth.cookie(2000, first), 2000 + 60)  # what has ended cannot be made longer


def test_a_cookie_expires_cannot_be_forged_and_outlives_a_restart() -> None:
    cookie = SessionAuth(TOKEN.encode(), 60).cookie(1000)
    auth = SessionAuth(TOKEN.encode(), 60)
    assert auth.valid_session(cookie, 1059)
    assert not auth.valid_session(cookie, 1060)
    ends, nonce, seal = cookie.split(".")
    for forged in (
        None,
        "",
        "..",
        f"{int(ends) + 9999}.{nonce}.{seal}",
        f"{ends}.{nonce}.{'0' * 64}",
        f"{ends}.é.{seal}",
    ):
        assert not auth.valid_session(forged, 1000)
    assert not SessionAuth(b"another token", 60).valid_session(cookie, 1000)


def test_only_the_boards_own_page_is_the_same_origin() -> None:
    assert is_same_origin("http://127.0.0.1:8780", "127.0.0.1:8780", None)
    assert not is_same_origin("http://127.0.0.1:8781", "127.0.0.1:8780", None)
    assert not is_same_origin("null", None, None)
    assert not is_same_origin(None, "127.0.0.1:8780", None)
    assert is_same_origin("https://board.example", "10.0.0.1:8780", "https://board.example")
    assert not is_same_origin("https://10.0.0.1:8780", "10.0.0.1:8780", "https://board.example")


def test_host_names_of_this_machine() -> None:
    assert all(is_loopback_host(name) for name in ("127.0.0.1:8780", "localhost:1", "[::1]:8780", "localhost"))
    assert not any(
        is_loopback_host(name) for name in (None, "", "board.example:8780", "127.0.0.1.evil.example", "[x]:1")
    )


REFUSED = [
    ({"host": "0.0.0.0"}, "would send patients in the clear"),
    ({"host": "ward.example", "behind_proxy": "https://board.example"}, "set CRS_BOARD_TOKEN"),
    ({"behind_proxy": "http://board.example"}, "such as https://board.example"),
    ({"behind_proxy": "https://board.example/ward"}, "such as https://board.example"),
    ({"certificate": Path("cert.pem")}, "go together"),
    ({"session_hours": 0}, "greater than 0"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_an_unsafe_board_is_refused_in_one_line(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as refused:
        load(None, **options)
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_a_short_token_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRS_BOARD_TOKEN", "tooshort")
    with pytest.raises(UserError) as refused:
        load(None)
    assert "board: token: at least 16 characters" in refused.value.message
    assert "tooshort" not in refused.value.message


def test_token_and_address_come_from_options_environment_and_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret, config = tmp_path / "token", tmp_path / "crs.toml"
    secret.write_text(f"{TOKEN}\n")
    config.write_text(f'topic_prefix = "crs."\n[board]\nport = 9000\ntoken = {{ file = "{secret}" }}\n')
    assert port_and_token(load(config)) == (9000, TOKEN)
    assert port_and_token(load(config, port=9001)) == (9001, TOKEN)
    monkeypatch.setenv("CRS_BOARD_TOKEN", "another-token-for-the-board")
    assert port_and_token(load(config)) == (9000, "another-token-for-the-board")
    monkeypatch.delenv("CRS_BOARD_TOKEN")
    monkeypatch.setenv("CRS_BOARD_TOKEN_FILE", str(secret))
    assert port_and_token(load(None)) == (8780, TOKEN)
    config.write_text("[board]\nprot = 9000\n")
    with pytest.raises(UserError, match=r"board\.prot: no such setting"):
        load(config)


def test_the_example_file_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRS_BOARD_TOKEN", TOKEN)
    monkeypatch.setenv("CRS_REFERENCE_SECRET", "a-secret-that-only-tests-know")
    example = Path(__file__).parents[2] / "deploy" / "board.example.toml"
    config = load(example)
    assert port_and_token(config) == (8780, TOKEN)
    written = {line.partition(" = ")[0].strip("# ") for line in example.read_text().splitlines() if " = " in line}
    assert BoardConfig.model_fields.keys() <= written


def port_and_token(config: BoardConfig) -> tuple[int, str | None]:
    return config.port, config.token.get_secret_value() if config.token else None


def test_a_port_in_use_is_one_line() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        second = RunningBoard(load(None, port=board.server.port))
        with pytest.raises(UserError, match=r"choose another with --port"):
            await second.server.start()

    play(scene)


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    nonsense = tmp_path / "cert.pem"
    nonsense.write_text("no certificate")
    config = load(None, certificate=nonsense, key=nonsense)
    with pytest.raises(UserError, match="PEM"):
        config.ssl_context()
    config = load(None, certificate=tmp_path / "none", key=nonsense)
    with pytest.raises(UserError, match="No such file"):
        config.ssl_context()


def test_no_address_and_no_header_names_the_patient() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        for path in ("/", "/enter", "/board.js"):
            async with browser.get(path) as answer:
                assert NAME not in str(answer.url) + str(answer.headers) + await answer.text()

    play(scene)
