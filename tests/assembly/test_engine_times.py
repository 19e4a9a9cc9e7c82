"""Engines are timed without the pipeline's knowing, in all of a stream's calls, and give what they gave."""

import numpy as np

from assembly.engine_times import EngineTimes, time_engines
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.test_pattern import TestPatternAvatar
from tests.fakes import TINY_SPEC, fake_engines, noise_chunks

PICTURE = np.full((32, 32, 3), 120, np.uint8)


class StepClock:
    """A clock that every look at it moves on."""

    def __init__(self, step_s: float) -> None:
        self.time_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.time_s += self.step_s
        return self.time_s


def frames(avatar: NeuralAvatar) -> list[np.ndarray]:
    """The frames of a second of noise."""
    stream = avatar.start(avatar.prepare(PICTURE, crop=False), StreamSettings(hop_frames=5))
    return [frame.image for chunk in noise_chunks(25) for frame in stream.push(chunk)]


def test_each_stage_has_the_time_of_its_calls_once() -> None:
    engines = fake_engines()
    avatar = NeuralAvatar(TINY_SPEC, engines)
    times = EngineTimes(StepClock(0.001), StepClock(0.01))
    time_engines(avatar, times)
    frames(avatar)
    spent_s = times.take()
    calls = {
        "audio": engines.audio_encoder,
        "portrait": engines.portrait_encoder,
        "flow": engines.flow_transformer,
        "decode": engines.frame_decoder,
    }
    num_calls = {stage: len(engine.calls) for stage, engine in calls.items()}  # type: ignore[attr-defined]
    # A frame is begun and then waited for.
    num_calls["decode"] *= 2
    assert {stage: round(time_s / 0.001) for stage, time_s in spent_s.items()} == num_calls
    assert round(times.thread_cpu_s / 0.01) == sum(num_calls.values())
    assert times.take() == {}


def test_frames_are_what_they_are_without_it() -> None:
    plain, timed = NeuralAvatar(TINY_SPEC, fake_engines()), NeuralAvatar(TINY_SPEC, fake_engines())
    time_engines(timed, EngineTimes())
    np.testing.assert_array_equal(frames(timed), frames(plain))


def test_an_avatar_without_engines_stays_as_it_is() -> None:
    times = EngineTimes()
    time_engines(TestPatternAvatar(), times)
    assert times.take() == {} and times.thread_cpu_s == 0
