"""The way from the microphone to the eye, from messages whose answers are known."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from tests.browser.module_page import in_module, module_page

pytestmark = [pytest.mark.browser, pytest.mark.system("chromium")]

MODULE = "stages.js"
FIGURES = {"round_trip_ms": 10, "video_buffer_ms": 25, "audio_buffer_ms": 60, "decode_ms": 2, "num_dropped_frames": 3}
# What a server says that tells of no finer stages; 100 ms of its total are in none of them.
COARSE: dict[str, Any] = {"stages_ms": {"ingest": 30, "queue": 5, "render": 20, "convert": 1, "wait": 44, "total": 200}}
FINE: dict[str, Any] = {
    "stages_ms": {"encode": 6, "window": 100, "decode": 12, "audio": 3, "flow": 5, "playout": 40, "ingest": 30},
    "stage_percentiles_ms": {"window": [90, 180], "flow": [5, 9]},
}


@pytest.fixture(scope="module")
def page(playwright: Playwright) -> Iterator[Page]:
    """A page that can import the module."""
    with module_page(playwright) as opened:
        yield opened


def stages_of(page: Page, message: dict[str, Any] | None, figures: dict[str, Any] | None = None) -> dict[str, Any]:
    """Each stage's line by its name, in order."""
    given = [FIGURES if figures is None else figures, message]
    return {stage["name"]: stage for stage in in_module(page, MODULE, "module.stagesNow(...given)", given)}


def sums_of(page: Page, message: dict[str, Any] | None, figures: dict[str, Any] | None = None) -> tuple[float, float]:
    """(to the eye, to the ear) in ms."""
    given = [FIGURES if figures is None else figures, message]
    sums = in_module(page, MODULE, "module.sumsOf(module.stagesNow(...given), ...given)", given)
    return sums["eye_ms"], sums["ear_ms"]


def test_stages_come_in_the_order_in_which_sound_and_picture_pass_them(page: Page) -> None:
    stages = stages_of(page, FINE)
    server = ["ingest", "window", "audio", "flow", "decode", "playout", "encode"]
    assert list(stages) == ["uplink", *server, "network", "jitter_buffer", "screen"]
    assert stages["window"] == {
        "name": "window",
        "label": "Window wait",
        "kind": "wait",
        "now_ms": 100,
        "p95_ms": 180,
    }
    assert stages["network"]["now_ms"] == 5


def test_what_no_stage_tells_of_is_the_wait_for_the_window_and_the_sum_is_whole(page: Page) -> None:
    stages = stages_of(page, COARSE)
    assert list(stages)[1:-3] == ["ingest", "window", "queue", "render", "convert", "playout"]
    assert stages["window"]["now_ms"] == 100
    assert sums_of(page, COARSE) == (200 + 10 + 25 + 2, 200 + 10 + 60)


def test_encoding_is_on_the_way_to_the_eye_alone(page: Page) -> None:
    assert sums_of(page, FINE) == (196 + 10 + 25 + 2, 190 + 10 + 60)
    told = {**FINE, "stages_ms": {**FINE["stages_ms"], "total": 193}}
    assert stages_of(page, told)["elsewhere"]["now_ms"] == 3
    assert sums_of(page, told)[1] == 193 + 10 + 60


def test_parts_are_not_counted_beside_their_whole(page: Page) -> None:
    message = {"stages_ms": {"render": 20, "audio": 3, "flow": 5, "decode": 12}}
    assert "render" not in stages_of(page, message)


def test_unknown_stages_are_shown_after_the_known(page: Page) -> None:
    message = {"stages_ms": {"smile_polish": 7, "ingest": 3, "playout": 2}}
    stages = stages_of(page, message)
    assert list(stages)[1:-3] == ["ingest", "playout", "smile_polish"]
    assert stages["smile_polish"]["label"] == "Smile polish"
    assert sums_of(page, message)[0] == 12 + 10 + 25 + 2


def test_the_median_stands_in_for_a_second_without_frames(page: Page) -> None:
    message = {"stages_ms": {"ingest": 30}, "stage_percentiles_ms": {"window": [90, 180]}}
    assert stages_of(page, message)["window"]["now_ms"] == 90


@pytest.mark.parametrize("missing", ["round_trip_ms", "video_buffer_ms"])
def test_no_sum_is_told_while_a_part_of_it_is_unknown(page: Page, missing: str) -> None:
    assert math.isnan(sums_of(page, COARSE, {**FIGURES, missing: math.nan})[0])


@pytest.mark.parametrize("message", [None, {}, {"stages_ms": {}}, {"stages_ms": {}, "stage_percentiles_ms": {}}])
def test_without_a_word_of_the_server_only_the_browser_is_shown(page: Page, message: dict[str, Any] | None) -> None:
    assert list(stages_of(page, message)) == ["uplink", "network", "jitter_buffer", "screen"]
    assert all(math.isnan(value) for value in sums_of(page, message))


def test_a_browser_that_hides_its_decoder_still_gets_a_sum(page: Page) -> None:
    assert sums_of(page, COARSE, {**FIGURES, "decode_ms": math.nan})[0] == 200 + 10 + 25


READ_ALL = """(() => {
    const reader = new module.StageReader();
    return given.map(([figures, message]) => reader.read(figures, message)).at(-1);
})()"""


def test_the_total_counts_where_some_frames_pass_no_decoder(page: Page) -> None:
    message = {"stages_ms": {"ingest": 30, "decode": 40, "wait": 50, "encode": 6, "total": 90}}
    assert "elsewhere" not in stages_of(page, message)
    assert sums_of(page, message) == (90 + 6 + 10 + 25 + 2, 90 + 10 + 60)


def test_the_screen_is_what_the_jitter_buffer_does_not_explain(page: Page) -> None:
    assert stages_of(page, FINE, {**FIGURES, "display_ms": 41})["screen"]["now_ms"] == 16
    assert stages_of(page, FINE, {**FIGURES, "display_ms": 20})["screen"]["now_ms"] == 0
    assert stages_of(page, FINE, {**FIGURES, "display_ms": math.nan})["screen"]["now_ms"] == 2


def test_the_percentile_of_the_whole_knows_single_frames_where_the_server_does(page: Page) -> None:
    message = {"stages_ms": {"total": 200}, "stage_percentiles_ms": {"total": [190, 300]}}
    read = in_module(page, MODULE, READ_ALL, [[FIGURES, message]])
    assert read["eye"] == {"now_ms": 237, "p95_ms": 337}
    assert read["ear"] == {"now_ms": 270, "p95_ms": 370}


def test_percentiles_are_the_servers_or_those_of_the_last_minute(page: Page) -> None:
    # The first ten fall out of the minute; of 1 to 60 the nearest rank to 95 % is 57.
    buffers_ms = [5000.0] * 10 + [float(value) for value in range(1, 61)]
    readings = [[{**FIGURES, "video_buffer_ms": buffer_ms}, FINE] for buffer_ms in buffers_ms]
    read = in_module(page, MODULE, READ_ALL, readings)
    stages = {stage["name"]: stage for stage in read["stages"]}
    assert (stages["jitter_buffer"]["now_ms"], stages["jitter_buffer"]["p95_ms"]) == (60, 57)
    assert stages["window"]["p95_ms"] == 180
    assert stages["audio"]["p95_ms"] == 3
    assert read["eye"] == {"now_ms": 196 + 10 + 60 + 2, "p95_ms": 196 + 10 + 57 + 2}


def test_skew_keeps_its_sign_and_its_percentile_does_not(page: Page) -> None:
    readings = [[{**FIGURES, "skew_ms": skew_ms}, COARSE] for skew_ms in (20.0, -50.0, 10.0)]
    assert in_module(page, MODULE, READ_ALL, readings)["skew"] == {"now_ms": 10, "p95_ms": 50}
    read = in_module(page, MODULE, READ_ALL, [[FIGURES, COARSE]])
    assert math.isnan(read["skew"]["p95_ms"])


def test_segments_fill_the_bar_without_what_is_unknown(page: Page) -> None:
    stages = [{"name": "a", "now_ms": 30}, {"name": "b", "now_ms": math.nan}, {"name": "c", "now_ms": 0}]
    stages.append({"name": "d", "now_ms": 10})
    segments = in_module(page, MODULE, "module.segmentsOf(given)", stages)
    assert [(one["name"], one["from"], one["width"]) for one in segments] == [("a", 0, 0.75), ("d", 0.75, 0.25)]
    assert in_module(page, MODULE, "module.segmentsOf([])") == []


def test_counts_that_are_not_kept_are_left_out(page: Page) -> None:
    message = {"counts": {"frames_repeated": 2, "frames_dropped": 0, "chunks_refused": 9}}
    counts = in_module(page, MODULE, "module.frameCounts(...given)", [FIGURES, message])
    assert counts == [["repeated", 2], ["dropped", 0], ["dropped by the browser", 3]]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("balanced", "balanced"),
        ({"name": "interactive", "hop_frames": 5, "lookahead_frames": 0}, "interactive, hop 5, look-ahead 0"),
        ({"hop_frames": 7}, "hop 7"),
        ({}, ""),
        (None, ""),
        (3, ""),
    ],
)
def test_profile_in_words(page: Page, profile: object, words: str) -> None:
    assert in_module(page, MODULE, "module.profileWords(given)", profile) == words
