"""The page in a real browser: values, unknowns, answers, filters and warnings, on a screen and on a phone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic

import pytest

from agents.board.broadcast import ASSETS, PAGES, asset
from tests.board.chromium import Page, page
from tests.board.judged_ward import arrival, fever, published, started, vitals
from tests.board.running_board import NAME, TOKEN, RunningBoard, running_board

TEXT = "document.body.innerText"


def shown(scene: Callable[[RunningBoard, Page], Awaitable[None]]) -> None:
    """Runs a scene in a browser that has entered the token; the page must report no error."""

    async def run() -> None:
        async with running_board() as (board, _), page(board.url) as tab:
            await tab.set_width(1600)
            beating = asyncio.create_task(beats(board))
            await tab.enter(TOKEN)
            await tab.until("document.querySelector('article')")
            await scene(board, tab)
            beating.cancel()
            assert tab.complaints == []

    asyncio.run(run())


async def beats(board: RunningBoard) -> None:
    """Refreshes the board, as its process would."""
    while True:
        board.broadcaster.refresh(datetime.now(UTC), monotonic())
        await asyncio.sleep(0.2)


def test_a_ward_on_a_screen_and_on_a_phone() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        await tab.until(f"{TEXT}.includes('live')")
        for width in (1600, 390):
            await tab.set_width(width)
            text = await tab.run(TEXT)
            for words in (
                "Decision support: not a medical device, and not a primary alarm.",
                "Bed 12",
                "4B",
                "systolic pressure 84 mmHg",
                "none given",
                "dose by weight: 560 mg",
                "Tocilizumab indicated",
            ):
                assert words in text, (width, words)
            assert NAME not in await tab.run("document.documentElement.outerHTML")
            too_wide = await tab.run("document.documentElement.scrollWidth > innerWidth")
            assert not too_wide, width

    shown(scene)


def test_where_the_scales_differ_both_grades_are_on_the_page() -> None:
    events = [
        arrival(bed="7"),
        vitals("08:30", oxygen_device="room_air", spo2_percent=97, systolic_mmhg=95),
        fever("09:00", 38.6),
        started("09:10", "norepinephrine", 4.0),
    ]

    async def scene(board: RunningBoard, tab: Page) -> None:
        last = [one for one in published([each | {"patient_id": "p-2"} for each in events]) if one.kind == "state"][-1]
        state = last.state.model_copy(update={"as_of": datetime.now(UTC)})
        board.ward.apply_state(0, b"p-2", state.model_dump_json().encode(), datetime.now(UTC))
        tile = "[...document.querySelectorAll('article')].find((one) => one.innerText.includes('Bed 7'))"
        await tab.until(f"Boolean({tile})")
        text = await tab.run(f"{tile}.innerText")
        assert "grade 2; ASTCT 2019: grade 3" in text, "for a screen reader"
        assert "ASTCT 3" in text, "in the badge"
        assert "undefined" not in await tab.run(TEXT)

    shown(scene)


def test_what_is_unknown_looks_unknown() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        messages = published([arrival(bed="7", weight_kg=None) | {"patient_id": "p-2"}])
        state = messages[-1].state.model_copy(update={"as_of": datetime.now(UTC)})
        board.ward.apply_state(0, b"p-2", state.model_dump_json().encode(), datetime.now(UTC))
        tile = "[...document.querySelectorAll('article')].find((one) => one.innerText.includes('Bed 7'))"
        await tab.until(f"Boolean({tile})")
        text = await tab.run(f"{tile}.innerText")
        assert "≥0" in text
        assert "temperature unknown" in text
        assert "SpO2 unknown" in text
        await tab.run(f"{tile}.querySelector('.expand').click()")
        text = await tab.until(f"{tile}.querySelector('.details') && {tile}.innerText")
        assert text.count("no data: not normal") == 3
        assert "missing is never normal" in text
        assert "dose unknown: no weight" in text

    shown(scene)


def test_a_name_is_asked_once_and_a_click_acknowledges() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        press = "document.querySelector('[data-act=acknowledge]').click()"
        await tab.run(press)
        await tab.until("document.querySelector('#ask-name').open")
        await tab.run("document.querySelector('#ask-name input').value = 'Nurse Okafor'")
        await tab.run("document.querySelector('#ask-name .main').click()")
        await written(board, 1)
        await tab.until(f"{TEXT}.includes('said, waiting for the judgement')")
        await tab.run(press)
        first, second = await written(board, 2)
        assert (first["kind"], first["by"], second["by"]) == ("acknowledge", "Nurse Okafor", "Nurse Okafor")
        assert first["alert_id"] != second["alert_id"]
        assert not await tab.run("document.querySelector('#ask-name').open")

    shown(scene)


def test_a_snooze_asks_for_minutes_and_a_reason() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        await tab.run("sessionStorage.setItem('by', 'Nurse Okafor')")
        await tab.run("document.querySelector('[data-act=snooze]').click()")
        await tab.until("document.querySelector('#ask-quiet').open")
        await tab.run("document.querySelector('#ask-quiet [value=\"30\"]').click()")
        await tab.run("document.querySelector('#ask-quiet [name=reason]').value = 'dose is being mixed'")
        await tab.run("document.querySelector('#ask-quiet .main').click()")
        (event,) = await written(board, 1)
        assert (event["kind"], event["reason"]) == ("snooze", "Nurse Okafor: dose is being mixed")

    shown(scene)


def test_an_answer_that_was_not_written_is_reported_and_can_be_repeated() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        board.producer.is_down = True
        await tab.run("sessionStorage.setItem('by', 'Nurse Okafor')")
        await tab.run("document.querySelector('[data-act=acknowledge]').click()")
        await tab.until(f"{TEXT}.includes('Not written: the brokers do not answer')")
        assert await tab.run("Boolean(document.querySelector('[data-act=acknowledge]'))")
        tab.complaints = [text for text in tab.complaints if "503" not in text]

    shown(scene)


async def written(board: RunningBoard, number: int) -> list[dict[str, str]]:
    """The assessments that were written, once there are `number` of them."""
    last = monotonic() + 20
    while len(board.producer.written) < number:
        assert monotonic() < last, board.producer.written
        await asyncio.sleep(0.05)
    return [event for _, _, event in board.producer.written]


def test_a_filter_that_hides_someone_says_so() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        choice = "document.querySelector('#priority')"
        await tab.run(f"{choice}.value = 'high'; {choice}.dispatchEvent(new Event('change'))")
        await tab.until("document.querySelectorAll('article').length === 0")
        assert "Not shown by the choice above: 1 patient" in await tab.run(TEXT)

    shown(scene)


def test_a_board_without_heartbeats_shows_a_banner_until_they_return() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        banner = "document.querySelector('#banner')"
        assert await tab.run(f"{banner}.hidden")
        board.liveness.last_heartbeats[0] = None
        board.liveness.started -= 60
        text = await tab.until(f"!{banner}.hidden && {banner}.innerText")
        assert text.startswith("This board is blind. No sign of life from the judgement for")
        assert "watch the patients by hand" in text
        assert "not being judged now" in await tab.run(TEXT)
        assert await tab.run("document.title") == "BLIND: CRS ward board"
        board.heartbeat()
        await tab.until(f"{banner}.hidden")
        await tab.until(f"!{TEXT}.includes('not being judged now')")

    shown(scene)


def test_a_page_that_has_lost_its_server_shows_a_banner_too() -> None:
    async def scene(board: RunningBoard, tab: Page) -> None:
        await board.server.stop()
        text = await tab.until(
            "!document.querySelector('#banner').hidden && document.querySelector('#banner').innerText"
        )
        assert "does not hear its server" in text
        tab.complaints = [text for text in tab.complaints if "ERR_" not in text]

    shown(scene)


@pytest.mark.parametrize("name", [*PAGES, *ASSETS])
def test_the_page_needs_nothing_from_outside_and_no_inline_script(name: str) -> None:
    text = asset(name)
    assert not re.search(r"https?://|//[a-z]+\.", text.replace("// ", ""))
    assert not re.search(r"\son[a-z]+=|style=|javascript:|innerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    if name.endswith(".html"):
        assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
        assert "<style" not in text


def test_every_element_that_the_scripts_ask_for_is_there() -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', asset("board.html")))
    asked = {name for part in ASSETS for name in re.findall(r'\bat\("([^"`]+)"\)', asset(part))}
    assert "banner" in asked
    assert asked - ids == set()


def test_every_script_that_is_imported_is_served() -> None:
    imported = {name for part in ASSETS for name in re.findall(r' from "/([^"]+)"', asset(part))}
    assert imported
    assert imported <= set(ASSETS)
