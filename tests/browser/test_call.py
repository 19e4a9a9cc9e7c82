"""A whole call, from Chromium's microphone through the server to its screen, on this machine."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Playwright

from bench.call_recording import Recording, lip_sync, longest_callback_gap_ms, longest_gap_ms, skews_ms
from bench.live_page import (
    FLASH_BOX,
    NOSE_AND_MOUTH_BOX,
    NOSE_SHARE,
    chromium,
    prepare_recording,
    record_call,
    start_call,
)
from bench.live_server import live_server
from bench.sound_files import write_clicks, write_speech
from tests.figures import Note

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.system("chromium", "espeak-ng")]

DURATION_S = 20.0
# The encoder's rate and the jitter buffers settle first.
SETTLE_MS = 2000
HEIGHT_PX = 59  # as many to the mouth as when it was recorded alone, 36
MOST_MEMORY_BYTES = 1.5 * 2**30


def record(
    playwright: Playwright, url: str, microphone: Path, box: tuple[float, float, float, float], note: Note, shot: Path
) -> Recording:
    """Call, record, take a screenshot while the call goes on, and hang up; the fluency is noted and checked."""
    with chromium(playwright, microphone) as browser:
        page: Page = browser.new_context(
            permissions=["microphone"], viewport={"width": 1280, "height": 800}, bypass_csp=True
        ).new_page()
        prepare_recording(page)
        page.goto(url)
        start_call(page)
        page.wait_for_timeout(SETTLE_MS)
        recording, reception = record_call(page, box, DURATION_S, HEIGHT_PX)
        page.screenshot(path=shot)
        page.click("#stop")
        page.wait_for_selector("body[data-state=idle]")
    gap_ms = longest_gap_ms(recording)
    note(
        {
            **asdict(reception),
            "longest_gap_ms": gap_ms,
            "longest_callback_gap_ms": longest_callback_gap_ms(recording),
            "num_pictures": len(recording.frame_times_ms),
        }
    )
    assert reception.fps >= 24
    assert gap_ms <= 200
    assert reception.num_freezes == 0
    return recording


def test_mouth_follows_the_returned_voice(playwright: Playwright, tmp_path: Path, note_figures: Note) -> None:
    with live_server(tmp_path / "server.log") as server:
        microphone = write_speech(tmp_path / "speech.wav")
        shot = tmp_path / "call.png"
        recording = record(playwright, server.url, microphone, NOSE_AND_MOUTH_BOX, note_figures, shot)
        peak_bytes = server.peak_memory_bytes
    note_figures({"peak_memory_mib": peak_bytes / 2**20})
    found = lip_sync(recording, round(NOSE_SHARE * HEIGHT_PX))
    note_figures(asdict(found))
    assert found.correlation >= 0.5
    assert abs(found.lag_ms) <= 80
    assert found.silence_share <= 0.15
    assert peak_bytes < MOST_MEMORY_BYTES


def test_flash_and_click_coincide(playwright: Playwright, tmp_path: Path, note_figures: Note) -> None:
    with live_server(tmp_path / "server.log", "--test-pattern") as server:
        microphone = write_clicks(tmp_path / "clicks.wav")
        shot = tmp_path / "pattern.png"
        recording = record(playwright, server.url, microphone, FLASH_BOX, note_figures, shot)
    found_ms = skews_ms(recording)
    low_ms, median_ms, high_ms = np.percentile(found_ms, [5, 50, 95]) if len(found_ms) else (np.nan,) * 3
    note_figures({"num_clicks": len(found_ms), "skew_ms": median_ms, "skew_p5_ms": low_ms, "skew_p95_ms": high_ms})
    assert len(found_ms) >= 15
    assert abs(median_ms) <= 80
