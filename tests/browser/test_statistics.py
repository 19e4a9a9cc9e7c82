"""The figures of the overlay, from reports whose answers are known; the module runs in the browser that uses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.live_page import chromium

pytestmark = [pytest.mark.browser, pytest.mark.system("chromium")]

MODULE = Path(__file__).resolve().parent.parent.parent / "web" / "statistics.js"
ADDRESS = "http://statistics.test/"


@pytest.fixture(scope="module")
def page(playwright: Playwright) -> Iterator[Page]:
    """An empty page beside the module; nothing leaves the browser."""
    with chromium(playwright) as browser:
        opened = browser.new_page()
        opened.route(ADDRESS, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        opened.route(
            ADDRESS + "statistics.js",
            lambda route: route.fulfill(body=MODULE.read_text(), content_type="text/javascript"),
        )
        opened.goto(ADDRESS)
        yield opened


def in_module(page: Page, expression: str, argument: Any) -> Any:
    """Evaluate an expression of `module` and `given` in the page."""
    script = f"async given => {{ const module = await import('./statistics.js'); return {expression}; }}"
    return page.evaluate(script, argument)


def report(time_ms: float, **video: float) -> list[dict[str, Any]]:
    """What getStats gives, cut down to what is read."""
    return [
        {"id": "v", "type": "inbound-rtp", "kind": "video", "timestamp": time_ms, "codecId": "c", **video},
        {"id": "a", "type": "inbound-rtp", "kind": "audio", "timestamp": time_ms, "bytesReceived": time_ms},
        {"id": "c", "type": "codec", "mimeType": "video/VP8"},
        {"id": "t", "type": "transport", "selectedCandidatePairId": "p"},
        {"id": "p", "type": "candidate-pair", "currentRoundTripTime": 0.03},
    ]


READ_BOTH = """given.map(entries => new Map(entries.map(entry => [entry.id, entry])))
    .reduce(([reader], one) => [reader, reader.read(one)], [new module.StatisticsReader()])[1]"""


def test_rates_are_those_of_the_time_between_two_reports(page: Page) -> None:
    first = report(1000, framesDecoded=10, bytesReceived=0, jitterBufferDelay=1.0, jitterBufferEmittedCount=10)
    second = report(3000, framesDecoded=60, bytesReceived=98_000, jitterBufferDelay=2.5, jitterBufferEmittedCount=60)
    figures = in_module(page, READ_BOTH, [first, second])
    assert figures["picture_fps"] == pytest.approx(25)
    assert figures["received_bps"] == pytest.approx(8 * (98_000 + 2000) / 2)
    assert figures["video_buffer_ms"] == pytest.approx(30)
    assert figures["round_trip_ms"] == pytest.approx(30)
    assert figures["codec"] == "VP8"


def test_first_report_has_no_rates(page: Page) -> None:
    rows = in_module(page, f"module.browserRows({READ_BOTH}, NaN)", [report(1000, framesDecoded=10)])
    assert ["Pictures", "– FPS"] in rows
    assert ["Voice to picture", "–"] in rows


def test_server_message_becomes_rows_with_units(page: Page) -> None:
    message = {
        "type": "stats",
        "session_s": 12.34,
        "stages_ms": {"render": 9.84, "queue": 0, "total": 231.4},
        "counts": {"frames_released": 308, "frames_dropped": 0},
        "waiting": {"microphone_ms": 20, "ready_frames": 2},
    }
    assert in_module(page, "module.serverRows(given)", message) == [
        ["Session", "12.3 s"],
        ["Render", "9.8 ms"],
        ["Total", "231 ms"],
        ["Frames released", "308"],
        ["Microphone", "20 ms"],
        ["Ready frames", "2"],
    ]


def test_latency_is_the_sum_of_what_was_measured_and_unknown_without_the_server(page: Page) -> None:
    figures = {"round_trip_ms": 10, "video_buffer_ms": 25}
    assert in_module(page, "module.voiceToPicture_ms(given, {stages_ms: {total: 200}})", figures) == 235
    assert in_module(page, "module.asTime(module.voiceToPicture_ms(given, null))", figures) == "–"
