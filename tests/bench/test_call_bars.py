"""A call to the avatar that ships, held to twice its bars: the best of three, since machines are shared.

The bars themselves are shown by `float-avatar bench session`, five calls (docs/results.md).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.call_figures import CallFigures
from bench.call_sound import speech_with_clicks
from bench.chromium_call import chromium_call
from bench.headless_calls import headless_calls
from bench.live_server import LiveServer, live_server
from bench.server_load import ServerLoad
from tests.figures import Note

CALL_S = 10.0
MOST_TRIES = 3
EYE_MS, FIRST_FRAME_MS, OVERHEAD_PERCENT = 600, 1500, 15
# The bar is none; of 250, a shared machine may cost so many.
MOST_REPEATED = 2
Call = Callable[[LiveServer], tuple[CallFigures, ServerLoad]]


def best_figures(call: Call, folder: Path, bars: dict[str, float]) -> dict[str, float]:
    """The least of each figure, of as many tries as it takes."""
    best: dict[str, float] = {}
    for _ in range(MOST_TRIES):
        with live_server(folder / "server.log", "--profile", "interactive", max_sessions=1, mark_clicks=True) as server:
            found, load = call(server)
        stages = found.stages_ms
        figures = {
            "mic_to_eye_p95_ms": float(np.percentile(stages["mic_to_eye"], 95)),
            "skew_p95_ms": float(np.percentile(stages["av_skew_size"], 95)),
            "first_frame_ms": found.first_frame_ms,
            "overhead_percent": load.overhead_percent,
            "frames_repeated": float(found.counts["frames_repeated"]),
        }
        best = {name: min(value, best.get(name, value)) for name, value in figures.items()}
        if all(best[name] <= bar for name, bar in bars.items()):
            break
    return best


def bars(skew_ms: float) -> dict[str, float]:
    return {
        "mic_to_eye_p95_ms": 2 * EYE_MS,
        "skew_p95_ms": 2 * skew_ms,
        "first_frame_ms": 2 * FIRST_FRAME_MS,
        "overhead_percent": 2 * OVERHEAD_PERCENT,
        "frames_repeated": MOST_REPEATED,
    }


def check(call: Call, folder: Path, skew_ms: float, note_figures: Note) -> None:
    wanted = bars(skew_ms)
    best = best_figures(call, folder, wanted)
    note_figures(best)
    assert {name: value for name, value in best.items() if value > wanted[name]} == {}


@pytest.mark.slow
@pytest.mark.system("espeak-ng")
def test_a_viewers_call(tmp_path: Path, note_figures: Note) -> None:
    sound, starts = speech_with_clicks()

    def call(server: LiveServer) -> tuple[CallFigures, ServerLoad]:
        found, load = headless_calls(server, 1, CALL_S, sound, starts)
        return found[0], load

    check(call, tmp_path, 40, note_figures)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.system("chromium", "espeak-ng")
def test_a_call_in_a_real_page(tmp_path: Path, note_figures: Note) -> None:
    check(lambda server: chromium_call(server, CALL_S, speech_with_clicks(), tmp_path), tmp_path, 70, note_figures)
