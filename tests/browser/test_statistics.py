"""The figures of the overlay, from reports whose answers are known; the module runs in the browser that uses it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.module_page import in_module, module_page

pytestmark = [pytest.mark.browser, pytest.mark.system("chromium")]

MODULE = "statistics.js"


@pytest.fixture(scope="module")
def page(playwright: Playwright) -> Iterator[Page]:
    """A page that can import the module."""
    with module_page(playwright) as opened:
        yield opened


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
    first = report(
        1000,
        framesDecoded=10,
        totalDecodeTime=1.0,
        bytesReceived=0,
        jitterBufferDelay=1.0,
        jitterBufferEmittedCount=10,
    )
    second = report(
        3000,
        framesDecoded=60,
        totalDecodeTime=1.1,
        bytesReceived=98_000,
        jitterBufferDelay=2.5,
        jitterBufferEmittedCount=60,
    )
    figures = in_module(page, MODULE, READ_BOTH, [first, second])
    assert figures["picture_fps"] == pytest.approx(25)
    assert figures["received_bps"] == pytest.approx(8 * (98_000 + 2000) / 2)
    assert figures["video_buffer_ms"] == pytest.approx(30)
    assert figures["decode_ms"] == pytest.approx(2)
    assert figures["round_trip_ms"] == pytest.approx(30)
    assert figures["codec"] == "VP8"


def test_first_report_has_no_rates(page: Page) -> None:
    rows = in_module(page, MODULE, f"module.browserRows({READ_BOTH})", [report(1000, framesDecoded=10)])
    assert ["Pictures", "– FPS"] in rows
    assert ["Video buffer", "–"] in rows


def test_server_message_becomes_rows_with_units(page: Page) -> None:
    message = {
        "type": "stats",
        "session_s": 12.34,
        "stages_ms": {"render": 9.84, "queue": 0, "total": 231.4},
        "counts": {"frames_released": 308, "frames_dropped": 0},
        "waiting": {"microphone_ms": 20, "ready_frames": 2},
    }
    assert in_module(page, MODULE, "module.serverRows(given)", message) == [
        ["Session", "12.3 s"],
        ["Render", "9.8 ms"],
        ["Total", "231 ms"],
        ["Frames released", "308"],
        ["Microphone", "20 ms"],
        ["Ready frames", "2"],
    ]


def test_skew_is_how_far_the_picture_is_behind_where_the_browser_tells_both(page: Page) -> None:
    entries = report(1000, estimatedPlayoutTimestamp=5000.0)
    assert np.isnan(in_module(page, MODULE, f"{READ_BOTH}.skew_ms", [entries]))
    entries[1]["estimatedPlayoutTimestamp"] = 5030.0
    assert in_module(page, MODULE, f"{READ_BOTH}.skew_ms", [entries]) == pytest.approx(30)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(0.04, "0.0 ms"), (9.94, "9.9 ms"), (-3.2, "-3.2 ms"), (123.4, "123 ms"), (12_345, "12.3 s"), (202_589, "203 s")],
)
def test_times_have_three_figures_and_a_unit(page: Page, time_ms: float, text: str) -> None:
    assert in_module(page, MODULE, "module.asTime(given)", time_ms) == text


def test_unknown_is_a_dash(page: Page) -> None:
    assert in_module(page, MODULE, "[module.asTime(NaN), module.asRate(NaN), module.asCount(NaN)]") == ["–"] * 3
