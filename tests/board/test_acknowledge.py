"""A click becomes one assessment with the name of the person; and what the event stream sends to viewers."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import aiohttp
import pytest

from agents.dispatch.public_alert import reference
from monitor.units import to_datetime
from schemas.assessments import Acknowledge, Snooze
from schemas.decode import decode
from schemas.decoded import Decoded
from tests.board.judged_ward import SECRET
from tests.board.running_board import NAME, RunningBoard, enter, play, stream_events

CLICK = {"act": "acknowledge", "by": "Nurse Okafor", "click": "3f2b8c1e-0000-4000-8000-000000000001"}


async def press(browser: aiohttp.ClientSession, board: RunningBoard, **more: Any) -> tuple[int, str]:
    answer = await browser.post("/answers", json=CLICK | {"alert": board.keys()[0]} | more)
    return answer.status, (await answer.text()).strip()


def test_a_click_on_seen_is_an_acknowledgement_keyed_by_the_patient() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        assert await press(browser, board) == (202, "Said.")
        ((topic, key, event_sent),) = board.producer.written
        assert (topic, key) == ("crs.assessments", NAME.encode())
        decoded = decode(json.dumps(event_sent).encode())
        assert isinstance(decoded, Decoded)
        assert isinstance(decoded.event, Acknowledge)
        assert (decoded.event.patient_id, decoded.event.alert_id) == (NAME, board.keys()[0])
        assert decoded.event.by == "Nurse Okafor"

    play(scene)


def test_one_click_is_one_event_however_often_it_is_sent_and_two_clicks_are_two() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        for click in ("click-one-1", "click-one-1", "click-two-2"):
            assert (await press(browser, board, click=click))[0] == 202
        first, again, second = (event_sent["event_id"] for _, _, event_sent in board.producer.written)
        assert first == again != second

    play(scene)


def test_quiet_is_a_snooze_with_its_end_and_who_asked_for_it() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        assert (await press(browser, board, act="snooze", minutes=30, reason="dose is being mixed"))[0] == 202
        assert (await press(browser, board, act="snooze", click="another-click"))[0] == 202
        (with_reason, without) = (event_sent for _, _, event_sent in board.producer.written)
        event = decode(json.dumps(with_reason).encode())
        assert isinstance(event, Decoded)
        assert isinstance(event.event, Snooze)
        assert lasts(with_reason) == timedelta(minutes=30)
        assert with_reason["reason"] == "Nurse Okafor: dose is being mixed"
        assert (lasts(without), without["reason"]) == (timedelta(minutes=15), "asked by Nurse Okafor")

    play(scene)


def test_when_log_time_is_ahead_a_snooze_lasts_by_log_time() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        board.heartbeat(ahead=timedelta(days=3))
        assert (await press(browser, board, act="snooze"))[0] == 202
        ((_, _, event_sent),) = board.producer.written
        assert datetime.fromisoformat(event_sent["effective_at"]) > datetime.now(UTC) + timedelta(days=2)
        assert lasts(event_sent) == timedelta(minutes=15)

    play(scene)


def lasts(event_sent: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(event_sent["until"]) - datetime.fromisoformat(event_sent["effective_at"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": " "},
        {"act": "resolve"},
        {"minutes": 61},
        {"minutes": 0},
        {"click": "x"},
        {"click": "a b c d e f"},
        {"by": 7},
    ],
    ids=str,
)
def test_an_invalid_answer_is_refused(wrong: dict[str, Any]) -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        assert (await press(browser, board, **wrong))[0] == 400
        assert board.producer.written == []

    play(scene)


def test_an_alert_that_is_not_open_cannot_be_answered() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        assert await press(browser, board, alert="no-such-alert") == (404, "This alert is not open any more.")
        assert (await browser.post("/answers", data=b"{", headers={"Content-Type": "application/json"})).status == 400

    play(scene)


def test_an_answer_that_the_brokers_did_not_confirm_is_reported_as_not_written() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        board.producer.is_down = True
        status, words = await press(browser, board)
        assert (status, words) == (503, "Not written: the brokers do not answer. Try again.")

    play(scene)


def test_a_viewer_gets_the_whole_ward_then_the_status_then_changes() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        listening = asyncio.create_task(stream_events(browser, 3))
        while board.broadcaster.viewer_count == 0:
            await asyncio.sleep(0.01)
        board.ward.apply_state(0, NAME.encode(), None, to_datetime(0))
        board.broadcaster.refresh(datetime.now().astimezone(), monotonic())
        (ward, (patient,)), (pulse, event_sent), (changes, (gone,)) = await listening
        assert (ward, pulse, changes) == ("ward", "pulse", "patients")
        assert patient["grade"] == 2
        assert patient["reference"] == gone["reference"] == reference(SECRET, NAME)
        assert gone["gone"]
        assert (event_sent["words"], event_sent["waiting"], event_sent["blind"]) == (None, None, [])
        assert NAME not in json.dumps([patient, gone, event_sent])

    play(scene)


def test_a_board_without_heartbeats_warns_every_viewer_at_once() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        board.liveness.started -= 60
        board.liveness.last_heartbeats[0] = None
        (_, _), (_, event_sent) = await stream_events(browser, 2)
        assert event_sent["words"] == "No sign of life from the judgement for 60 s."
        assert event_sent["blind"] == [0]

    play(scene)


def test_a_stream_ends_with_its_session() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        await enter(browser)
        async with browser.get("/live") as stream:
            await browser.post("/leave", allow_redirects=False)
            board.broadcaster.refresh(datetime.now().astimezone(), monotonic() + 60)
            await asyncio.wait_for(stream.content.read(), 5)
        assert board.broadcaster.viewer_count == 0

    play(scene)


def test_a_viewer_who_reads_too_slowly_is_disconnected_and_delays_nobody() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        slow = board.broadcaster.subscribe(datetime.now().astimezone(), monotonic())
        for turn in range(200):
            board.broadcaster.refresh(datetime.now().astimezone(), monotonic() + 10 * turn)
        assert board.broadcaster.viewer_count == 0
        assert slow.get_nowait() is None

    play(scene)


def test_a_patient_who_has_not_changed_is_not_sent_again() -> None:
    async def scene(board: RunningBoard, browser: aiohttp.ClientSession) -> None:
        queue = board.broadcaster.subscribe(datetime.now().astimezone(), monotonic())
        before = queue.qsize()
        board.ward.changed.add(NAME)
        board.broadcaster.refresh(datetime.now().astimezone(), board.broadcaster._status_sent + 0.1)
        assert queue.qsize() == before

    play(scene)
