"""What a page recorded of its call, on recordings whose answers are known; and one short call of a real page."""

from pathlib import Path

import numpy as np
import pytest

from bench.call_recording import Recording
from bench.call_sound import speech_with_clicks
from bench.chromium_call import chromium_call, page_figures
from bench.clicks import click_starts
from bench.live_server import live_server
from bench.session_latency import PATTERN
from contract.packets import VOICE_RATE_HZ

LENGTH_MS = 30_000
EYE_MS, EAR_MS = 310.0, 340.0
SERVER_MINUS_PAGE_S = 4000.0
PLACE_MS = 25.0
WINDOW_S = 0.120
VIDEO = {"jitterBufferDelay": 0.0, "jitterBufferEmittedCount": 0, "framesDecoded": 0}


def recording(spoken_ms: np.ndarray) -> Recording:
    """Clicks that are seen after EYE_MS, heard after EAR_MS; every millisecond a hop, a picture every 5 ms."""
    peaks, spoken_peaks = np.full(LENGTH_MS, 0.1), np.full(LENGTH_MS, 0.1)
    pixels = np.full((LENGTH_MS // 5, 2, 2), 32, np.uint8)
    for click_ms in spoken_ms:
        spoken_peaks[int(click_ms) : int(click_ms) + 10] = 0.8
        heard_ms, seen_ms = int(click_ms + EAR_MS), click_ms + EYE_MS
        peaks[heard_ms : heard_ms + 10] = 0.8
        pixels[int(np.ceil(seen_ms / 5)) : int(np.ceil(seen_ms / 5)) + 8] = 255
    times_ms = np.arange(LENGTH_MS, dtype=np.float64)
    frame_times_ms = 5.0 * np.arange(len(pixels))
    shown = np.arange(len(pixels))
    return Recording(frame_times_ms, pixels, shown, times_ms, peaks**2, peaks, times_ms, spoken_peaks)


def trace(spoken_ms: np.ndarray) -> list[dict]:
    """One message with the frames of all clicks, each released 60 ms before it is seen."""
    rows = [
        {
            "position": 3 * i,
            "released_at_s": SERVER_MINUS_PAGE_S + (click_ms + EYE_MS - 60) / 1000,
            "click_samples": round(PLACE_MS * VOICE_RATE_HZ / 1000),
            "stages_s": {"window": WINDOW_S, "decode": 0.010},
        }
        for i, click_ms in enumerate(spoken_ms)
    ]
    return [{"at": spoken_ms[-1] + EYE_MS + 500, "message": {"type": "trace", "frames": rows}}]


def test_a_page_knows_eye_ear_and_their_skew() -> None:
    spoken_ms = np.round(np.array(click_starts(28 * VOICE_RATE_HZ)) * 1000 / VOICE_RATE_HZ)
    measured = {"messages": trace(spoken_ms), "offeredAt": 100.0, "firstFrameAt": 480.0}
    samples = [{"video": VIDEO | {"jitterBufferDelay": 0.75 * i, "jitterBufferEmittedCount": 25 * i},
                "pair": {"currentRoundTripTime": 0.004}} for i in range(4)]  # fmt: skip
    found = page_figures(recording(spoken_ms), measured, samples, (0.0, float(LENGTH_MS)))
    assert found.num_clicks == found.num_clicks_seen == found.num_clicks_heard == len(spoken_ms)
    assert found.stages_ms["mic_to_eye"] == pytest.approx([EYE_MS] * len(spoken_ms), abs=6)
    assert found.stages_ms["mic_to_ear"] == pytest.approx([EAR_MS] * len(spoken_ms), abs=1)
    assert found.stages_ms["av_skew"] == pytest.approx([EYE_MS - EAR_MS + PLACE_MS] * len(spoken_ms), abs=6)
    assert found.stages_ms["transport"] == pytest.approx([EYE_MS - 130] * len(spoken_ms), abs=6)
    assert found.stages_ms["jitter_buffer"] == pytest.approx([30.0] * 3)
    assert found.stages_ms["network"] == pytest.approx([2.0] * 3)
    assert found.first_frame_ms == 380


def test_what_happens_before_and_after_the_recording_is_not_counted() -> None:
    spoken_ms = np.round(np.array(click_starts(28 * VOICE_RATE_HZ)) * 1000 / VOICE_RATE_HZ)
    counts = {500: 7, 1500: 7, 20_000: 8, 29_900: 8, 30_100: 30}
    told = [
        {"at": at_ms, "message": {"type": "stats", "counts": {
            "frames_released": at_ms // 40, "frames_repeated": number, "frames_dropped": 0}}}
        for at_ms, number in counts.items()
    ]  # fmt: skip
    measured = {"messages": [*trace(spoken_ms), *told], "offeredAt": 100.0, "firstFrameAt": 480.0}
    samples = [{"video": VIDEO, "pair": None}] * 2
    found = page_figures(recording(spoken_ms), measured, samples, (1000.0, 30_000.0))
    assert found.num_clicks == np.count_nonzero((spoken_ms >= 1000) & (spoken_ms <= 30_000)) < len(spoken_ms)
    assert found.counts["frames_repeated"] == 1
    assert found.counts["frames_released"] == 29_900 // 40 - 1500 // 40


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.system("chromium", "espeak-ng")
def test_five_seconds_in_a_real_page_have_their_figures(tmp_path: Path) -> None:
    with live_server(tmp_path / "server.log", *PATTERN, mark_clicks=True) as server:
        call, load = chromium_call(server, 5.0, speech_with_clicks(), tmp_path)
    assert 2 <= call.num_clicks <= 8 and call.num_clicks_seen >= 1 and call.num_clicks_heard >= 1
    assert 20 < np.median(call.stages_ms["mic_to_eye"]) < 8000
    assert 0 < call.first_frame_ms < 20_000
    assert {"ingest", "wait", "encode", "network", "jitter_buffer"} <= set(call.stages_ms)
    assert call.counts["viewer_decoded"] > 10 and load.cpu_percent > 0
