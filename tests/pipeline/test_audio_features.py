"""Calls of free length: what each hears, what comes out when, and that nothing else reaches a feature."""

from dataclasses import replace

import av
import numpy as np
import pytest

from contract.packets import SAMPLES_PER_FRAME, VOICE_RATE_HZ, Float32Array
from contract.spec import AvatarSpec
from media.audio_file import ChunkCutter
from pipeline.audio_features import FrameGroups, audio_features, clip_features
from pipeline.sound_statistics import RunningStatistics, normalised_clip
from tests.fakes import TINY_SPEC, FakeEngine, free_encoder, noise_chunks

FREE = replace(TINY_SPEC, audio_statistics=True)
NUM_FRAMES = 23


def frames(num_frames: int = NUM_FRAMES) -> list[Float32Array]:
    return [chunk.pcm for chunk in noise_chunks(num_frames)]


def rolled(engine: FakeEngine, spec: AvatarSpec, groups: FrameGroups, num_frames: int = NUM_FRAMES) -> Float32Array:
    features = audio_features(engine, spec, groups)
    return np.stack([each for pcm in frames(num_frames) for each in features.push(pcm)] + features.flush())


@pytest.mark.parametrize(("context", "lookahead"), [(0, 0), (3, 2), (40, 0), (0, 30), (2, 9)])
@pytest.mark.parametrize("groups", [FrameGroups(1, 1), FrameGroups(9, 5), FrameGroups(50, 42)])
@pytest.mark.parametrize("num_frames", [1, 5, 23])
def test_each_frame_has_its_feature(context: int, lookahead: int, groups: FrameGroups, num_frames: int) -> None:
    spec = replace(FREE, audio_context_frames=context, audio_lookahead_frames=lookahead)
    engine = free_encoder(spec)
    assert rolled(engine, spec, groups, num_frames).shape == (num_frames, spec.audio_feature_dim)
    heard = [call["pcm"].shape[1] // SAMPLES_PER_FRAME for call in engine.calls]
    assert max(heard) <= context + max(groups.first_frames, groups.next_frames) + lookahead


def test_a_call_hears_what_there_is_around_its_frames_in_units_of_all_that_was_heard() -> None:
    engine = free_encoder(FREE)
    rolled(engine, FREE, FrameGroups(9, 5))
    sound = frames()
    # Context 3, look-ahead 2: frames 0-8, 9-13, 14-18, 19-22, the last with no sound after it.
    for call, (first, end) in zip(engine.calls, [(0, 11), (6, 16), (11, 21), (16, 23)], strict=True):
        statistics = RunningStatistics()
        for pcm in sound[:end]:
            statistics.hear(pcm)
        expected = statistics.normalise(np.concatenate(sound[first:end]))
        np.testing.assert_array_equal(call["pcm"], expected.pcm)
        np.testing.assert_array_equal(call["window_mean"], expected.window_mean)
        np.testing.assert_array_equal(call["window_root"], expected.window_root)


def test_features_are_those_of_the_frames_in_the_middle() -> None:
    features = rolled(free_encoder(FREE), FREE, FrameGroups(9, 5))
    statistics, sound = RunningStatistics(), frames()
    for pcm in sound[:16]:
        statistics.hear(pcm)
    heard = statistics.normalise(np.concatenate(sound[6:16]))
    called = free_encoder(FREE).run(pcm=heard.pcm, window_mean=heard.window_mean, window_root=heard.window_root)
    np.testing.assert_array_equal(features[9:14], called["audio_features"][0, 3:8])


def test_features_come_as_soon_as_their_sound_is_there() -> None:
    features = audio_features(free_encoder(FREE), FREE, FrameGroups(9, 5))
    counts = [len(features.push(pcm)) for pcm in frames()]
    assert {i: count for i, count in enumerate(counts) if count} == {10: 9, 15: 5, 20: 5}
    assert len(features.flush()) == 4


def test_after_flush_and_reset_the_stream_begins_anew() -> None:
    fresh = rolled(free_encoder(FREE), FREE, FrameGroups(9, 5))
    features = audio_features(free_encoder(FREE), FREE, FrameGroups(9, 5))
    for pcm in frames(13):
        features.push(pcm)
    features.flush()
    for pcm in frames(7):
        features.push(pcm * np.float32(0.3))
    features.reset()
    again = [each for pcm in frames() for each in features.push(pcm)] + features.flush()
    np.testing.assert_array_equal(np.stack(again), fresh)


def test_without_groups_the_bundles_own_are_taken() -> None:
    features = audio_features(free_encoder(FREE), FREE)
    counts = [len(features.push(pcm)) for pcm in frames(14)]
    assert [i for i, count in enumerate(counts) if count] == [5, 9, 13]


def test_a_whole_clip_is_one_call() -> None:
    engine, pcm = free_encoder(FREE), np.concatenate(frames())[:-100]
    features = clip_features(engine, FREE, pcm)
    (call,) = engine.calls
    np.testing.assert_array_equal(call["pcm"], normalised_clip(pcm).pcm)
    assert features.shape == (NUM_FRAMES, FREE.audio_feature_dim)


@pytest.mark.parametrize("seed", [0, 1])
def test_however_the_sound_arrives_the_features_are_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    voice = np.concatenate([chunk.voice for chunk in noise_chunks(NUM_FRAMES)])
    whole = cut_and_heard([voice])
    cuts = np.sort(rng.integers(1, len(voice), 40))
    pieces = [piece for piece in np.split(voice, cuts) if len(piece)]
    assert whole.shape == (NUM_FRAMES, FREE.audio_feature_dim)
    np.testing.assert_array_equal(cut_and_heard(pieces), whole)


def cut_and_heard(pieces: list[np.ndarray]) -> Float32Array:
    """Features of sound that arrives in pieces of any length. pieces: [samples] int16 each, 48 kHz."""
    cutter, features = ChunkCutter(), audio_features(free_encoder(FREE), FREE, FrameGroups(9, 5))
    heard: list[Float32Array] = []
    for piece in pieces:
        frame = av.AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE_HZ
        heard += [each for chunk in cutter.push(frame) for each in features.push(chunk.pcm)]
    heard += [each for chunk in cutter.flush() for each in features.push(chunk.pcm)]
    return np.stack(heard + features.flush())
