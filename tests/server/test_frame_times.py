"""Where a frame's time goes, on a clock that only the test moves: stages without gap or overlap, and their rows."""

from dataclasses import replace

import numpy as np
import pytest

from assembly.engine_times import EngineTimes
from contract.packets import VOICE_SAMPLES_PER_FRAME
from server.frame_times import FrameTimes
from server.frame_trace import MOST_ROWS, FrameTrace
from server.playout import PlayableFrame
from server.stage_times import RECENT_FRAMES, StageTimes
from tests.fakes import silent_chunk


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now_s(self) -> float:
        return self.time_s


def test_the_stages_of_a_frame_are_its_whole_time_from_arrival_to_picture() -> None:
    clock = Clock()
    engines = EngineTimes(clock.now_s, lambda: 0.0)
    times = FrameTimes(engines)
    chunks = [replace(silent_chunk(index), captured_at_s=100.0 + 0.04 * index) for index in range(3)]
    for chunk in chunks:
        clock.time_s = chunk.captured_at_s + 0.007
        times.cut(chunk.index, clock.time_s)
    clock.time_s = 100.1
    times.begin_drawing(clock.time_s)
    for stage, time_s in (("audio", 0.002), ("flow", 0.005), ("flow", 0.005)):
        with engines.timed(stage):
            clock.time_s += time_s
    clock.time_s += 0.001
    times.end_drawing(clock.time_s)
    for chunk in chunks:
        times.begin_painting(clock.time_s)
        with engines.timed("decode"):
            clock.time_s += 0.010
        clock.time_s += 0.002
        painted_s = clock.time_s
        clock.time_s += 0.001
        stages_s = times.stages_s(chunk, painted_s, clock.time_s)
        assert sum(stages_s.values()) == pytest.approx(clock.time_s - chunk.captured_at_s)
        assert stages_s == pytest.approx(
            {
                "ingest": 0.007,
                "window": 0.1 - 0.04 * chunk.index - 0.007,
                "audio": 0.002,
                "flow": 0.010,
                "queue": 0.013 * chunk.index,
                "decode": 0.010,
                "python": 0.003,
                "convert": 0.001,
            }
        )


def test_silence_in_place_of_sound_that_was_heard_has_no_wait_of_its_own() -> None:
    clock = Clock()
    times = FrameTimes(EngineTimes(clock.now_s))
    times.cut(4, 100.0)
    times.push_again(4)
    times.begin_drawing(101.0)
    times.end_drawing(101.0)
    times.begin_painting(101.0)
    assert set(times.stages_s(silent_chunk(4), 101.0, 101.0)) == {"queue", "python", "convert"}


def playable(index: int, voice: np.ndarray | None = None) -> PlayableFrame:
    chunk = silent_chunk(index)
    if voice is not None:
        chunk = replace(chunk, voice=voice)
    return PlayableFrame(chunk, np.zeros((24, 16), np.uint8), rendered_at_s=10.0)


def test_a_traced_frame_has_its_row_once_it_is_coded() -> None:
    trace = FrameTrace()
    trace.is_on = True
    voice = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
    voice[300] = -20_000
    trace.rendered(7, {"window": 0.1})
    trace.released(3, playable(7, voice), 10.5)
    assert trace.take() == []
    trace.coded(3, 10.52)
    trace.coded(2, 10.52)  # one that was never rendered
    (row,) = trace.take()
    assert row["index"] == 7 and row["position"] == 3 and row["click_samples"] == 300
    assert row["stages_s"] == pytest.approx({"window": 0.1, "wait": 0.5, "encode": 0.02})
    assert trace.take() == []


def test_nothing_is_kept_that_nobody_asked_for_and_never_more_than_the_bound() -> None:
    silent, asked = FrameTrace(), FrameTrace()
    asked.is_on = True
    for trace in (silent, asked):
        for index in range(1000):
            trace.rendered(index, {})
            trace.released(index, playable(index), 11.0)
    for position in range(1000):
        silent.coded(position, 12.0)
        asked.coded(position, 12.0)
    assert silent.take() == [] and len(asked.take()) == MOST_ROWS


def test_percentiles_are_of_the_last_ten_seconds_and_means_since_the_last_report() -> None:
    times = StageTimes()
    for _ in range(RECENT_FRAMES):
        times.add("decode", 9.0)
    times.report_ms()
    for i in range(RECENT_FRAMES):
        times.add("decode", 0.001 * i)
    assert times.percentiles_ms() == {"decode": (124.0, 237.0)}
    assert times.report_ms() == {"decode": 124.5} and times.report_ms() == {}
    assert times.percentiles_ms() == {"decode": (124.0, 237.0)}
