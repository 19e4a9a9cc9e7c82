"""What comes late is caught up with, what drifts is followed, and every sample is told of."""

import numpy as np
import pytest

from contract.packets import VOICE_SAMPLES_PER_FRAME, Int16Array
from tests.server.pace import EngineScript, MicrophoneScript, Run, run, tone_packet

SILENT_PACKET = np.zeros(960, np.int16)


def pausing(number: int) -> Int16Array:
    """Half a second of silence after 2.5 of voice."""
    return SILENT_PACKET if number // 25 % 6 == 5 else tone_packet(number)


def normal_again_after_s(result: Run, end_s: float) -> float:
    """How long after `end_s` the delay was last beyond what it had been before 20 s, by a frame and a half."""
    at_s, delay_s = np.array(result.at_s), np.array(result.delay_s)
    normal_s = result.delay_between(10, 20).max() + 0.06
    late_s = at_s[(at_s > end_s) & ~(delay_s <= normal_s)]
    return float(late_s.max() - end_s) if len(late_s) else 0.0


@pytest.mark.parametrize("share", [0.3, 0.6])
@pytest.mark.parametrize("hop_frames", [3, 5, 8, 50])
@pytest.mark.parametrize("cushion_frames", [0, 1, 2])
def test_no_frame_of_a_minute_of_speech_is_repeated(hop_frames: int, share: float, cushion_frames: int) -> None:
    script = EngineScript(hop_frames, window_s=0.012 * hop_frames * share, frame_s=0.028 * share)
    counts = run(60, script, cushion_frames=cushion_frames).counts
    assert counts.frames_repeated == counts.frames_dropped == counts.chunks_refused == 0
    assert counts.voice_samples_missing == counts.voice_samples_dropped == 0
    assert counts.chunks_skipped <= cushion_frames, "what the cushion had too much"


@pytest.mark.parametrize(("voice", "within_s"), [(tone_packet, 10.0), (pausing, 5.0)])
def test_after_an_engine_that_stood_still_for_three_seconds_the_delay_is_normal_again(voice, within_s) -> None:
    result = run(45, EngineScript(stalls=((20, 23),)), MicrophoneScript(voice=voice))
    assert normal_again_after_s(result, 23) < within_s
    assert result.delay_between(40, 45).mean() == pytest.approx(result.delay_between(10, 20).mean(), abs=0.045)
    assert result.counts.frames_repeated >= 70


@pytest.mark.parametrize("voice", [tone_packet, pausing])
def test_a_loop_that_stood_still_for_a_second_and_a_second_of_late_packets_leave_no_delay(voice) -> None:
    stood = run(40, None, MicrophoneScript(voice=voice), loop_stalls=((20, 21),))
    assert normal_again_after_s(stood, 21) < 3
    late = run(40, None, MicrophoneScript(voice=voice, delay_s=lambda n, at: 21 - at if 20 <= at < 21 else 0.0))
    assert normal_again_after_s(late, 21) < 3
    assert late.counts.voice_samples_missing > 0 and late.counts.voice_samples_dropped > 0


def test_an_engine_slower_than_time_keeps_the_delay_bounded_and_leaves_none_when_it_recovers() -> None:
    """At two and a half times real time a full lane of 25 chunks was 2.5 s, and stayed for as long as that lasted."""
    script = EngineScript(slow_from_s=20, slow_to_s=40, slow_factor=5)
    result = run(60, script)
    assert result.delay_between(30, 40).max() < 2.7 and max(result.pending) <= 18
    assert normal_again_after_s(result, 40) < 5


def test_a_little_unevenness_costs_one_frame_once() -> None:
    result = run(120, EngineScript(stalls=tuple((20 + 7 * i, 20.06 + 7 * i) for i in range(14))))
    assert result.counts.frames_repeated <= 4


def after_a_near_miss(voice) -> list[Run]:
    """A window that is ready in the last moment, and 6 s later one that is 60 ms late, wherever its ticks lie."""
    near = (20.039, 20.075)
    return [
        run(
            60,
            EngineScript(lookahead_frames=2, stalls=(near, (first_s, first_s + 0.061))),
            MicrophoneScript(voice=voice),
        )
        for first_s in (25.999 + 0.04 * tick for tick in range(5))
    ]


def test_a_near_miss_is_answered_in_the_next_silence_before_a_picture_has_to_stand() -> None:
    for result in after_a_near_miss(pausing):
        assert result.counts.voice_samples_repeated == VOICE_SAMPLES_PER_FRAME
        assert result.counts.frames_repeated == 0
        assert result.delay_between(22, 30).max() < result.delay_between(10, 20).max() + 0.041
        assert result.delay_between(59, 60).max() == pytest.approx(result.delay_between(10, 20).max(), abs=0.001)


def test_what_the_beginning_of_a_call_takes_is_soon_forgotten() -> None:
    """The browser begins as well: that once kept every later word of half a minute 120 ms late."""
    quiet = run(40, None, MicrophoneScript(voice=pausing))
    late = run(40, EngineScript(stalls=((0.6, 0.9),)), MicrophoneScript(voice=pausing))
    assert late.counts.frames_repeated > 2
    assert late.delay_between(0, 3).max() > quiet.delay_between(0, 3).max() + 0.07
    assert late.delay_between(7, 40).max() < quiet.delay_between(7, 40).max() + 0.045


def test_what_one_accident_took_is_given_back_within_the_minute() -> None:
    result = run(60, EngineScript(stalls=((20, 20.25),)), MicrophoneScript(voice=pausing))
    assert result.counts.frames_repeated == 4
    assert result.delay_between(22, 24).mean() > result.delay_between(10, 20).mean() + 0.1
    assert result.delay_between(55, 60).max() == pytest.approx(result.delay_between(10, 20).max(), abs=0.001)


def test_nothing_is_put_into_speech() -> None:
    results = after_a_near_miss(tone_packet)
    assert all(result.counts.voice_samples_repeated == 0 for result in results)
    assert max(result.counts.frames_repeated for result in results) == 1


@pytest.mark.parametrize("ppm", [-1000, 1000])
def test_a_microphone_whose_clock_is_far_off_is_followed(ppm: int) -> None:
    check_drift(run(600, None, MicrophoneScript(ppm=ppm)), 600, ppm)


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_an_hour_of_a_drifting_microphone_accumulates_nothing(ppm: int) -> None:
    check_drift(run(3600, None, MicrophoneScript(ppm=ppm)), 3600, ppm)


def check_drift(result: Run, seconds: int, ppm: int) -> None:
    counts, delay_s = result.counts, np.array(result.delay_s)
    assert counts.frames_repeated == counts.frames_dropped == 0
    assert counts.voice_samples_missing == counts.voice_samples_dropped == counts.voice_samples_lost == 0
    assert delay_s.max() < 0.48 and np.ptp(result.delay_between(20, seconds)) < 0.06
    second, last = result.delay_between(60, 120).mean(), result.delay_between(seconds - 60, seconds).mean()
    assert abs(second - last) < 0.02
    assert result.positions == list(range(len(result.positions))), "both time stamps are products of the position"
    assert result.indexes == list(range(len(result.indexes)))
    assert result.voice_samples == len(result.positions) * VOICE_SAMPLES_PER_FRAME
    corrected = counts.voice_samples_squeezed - counts.voice_samples_stretched + counts.voice_samples_hurried
    assert abs(corrected - seconds * 48_000 * ppm * 1e-6) < 2 * VOICE_SAMPLES_PER_FRAME
