"""Audio features depend on absolute positions of the sound alone, and emotions come from the right place."""

import numpy as np
import pytest

from contract.packets import SAMPLES_PER_FRAME, ConditionedFrame
from contract.spec import EMOTIONS, AvatarSpec
from pipeline.conditions import ClipConditions, Conditions, emotion_vector
from pipeline.predicted_emotion import SMOOTHING, SPAN_FRAMES
from tests.fakes import TINY_SPEC, FakeEngine, noise_chunks, silent_chunk, window_encoder


def condition(conditions: Conditions, num_frames: int) -> list[ConditionedFrame]:
    frames = [frame for chunk in noise_chunks(num_frames) for frame in conditions.push(chunk)]
    return frames + conditions.flush()


@pytest.mark.parametrize("num_frames", [1, 3, 4, 5, 6, 17, 24])
def test_every_index_comes_out_once_in_order(num_frames: int) -> None:
    frames = condition(Conditions(window_encoder(), TINY_SPEC), num_frames)
    assert [frame.chunk.index for frame in frames] == list(range(num_frames))


def test_each_call_hears_its_context_and_lookahead_and_silence_outside() -> None:
    encoder = window_encoder()
    condition(Conditions(encoder, TINY_SPEC), 10)
    sound = np.concatenate([chunk.pcm for chunk in noise_chunks(10)])
    silence = np.zeros(TINY_SPEC.audio_call_samples, np.float32)
    padded = np.concatenate([silence[: 3 * SAMPLES_PER_FRAME], sound, silence])
    assert len(encoder.calls) == 3
    for i, call in enumerate(encoder.calls):
        start = i * TINY_SPEC.audio_chunk_frames * SAMPLES_PER_FRAME
        np.testing.assert_array_equal(call["pcm"][0], padded[start : start + TINY_SPEC.audio_call_samples])


def test_frames_come_out_as_soon_as_their_lookahead_is_there() -> None:
    conditions = Conditions(window_encoder(), TINY_SPEC)
    counts = [len(conditions.push(chunk)) for chunk in noise_chunks(14)]
    assert counts == [0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4]


@pytest.mark.parametrize(("context", "lookahead", "chunk"), [(0, 0, 1), (12, 0, 1), (0, 3, 5), (40, 4, 2)])
def test_any_shape_of_encoder_call_works(context: int, lookahead: int, chunk: int) -> None:
    spec = AvatarSpec(
        16, 8, 4, 6, (3, 2), audio_context_frames=context, audio_lookahead_frames=lookahead, audio_chunk_frames=chunk
    )
    frames = condition(Conditions(window_encoder(spec), spec), 23)
    assert [frame.chunk.index for frame in frames] == list(range(23))


def test_after_a_flush_the_stream_begins_anew() -> None:
    conditions = Conditions(window_encoder(), TINY_SPEC)
    first, second = condition(conditions, 9), condition(conditions, 9)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.audio_features, other.audio_features)


def test_reset_forgets_what_was_heard() -> None:
    conditions = Conditions(window_encoder(), TINY_SPEC)
    for chunk in noise_chunks(7, seed=5):
        conditions.push(chunk)
    conditions.reset()
    fresh = condition(Conditions(window_encoder(), TINY_SPEC), 9)
    for one, other in zip(condition(conditions, 9), fresh, strict=True):
        np.testing.assert_array_equal(one.audio_features, other.audio_features)


def classifier_of(index: int) -> FakeEngine:
    def classify(inputs: dict) -> dict:
        return {"emotion": np.eye(len(EMOTIONS), dtype=np.float32)[[index]]}

    return FakeEngine(TINY_SPEC.signature("emotion_classifier"), classify)


def test_emotion_is_neutral_where_nothing_says_otherwise() -> None:
    for frame in condition(Conditions(window_encoder(), TINY_SPEC), 30):
        np.testing.assert_array_equal(frame.emotion, emotion_vector("neutral"))


def test_a_chosen_emotion_silences_the_classifier() -> None:
    classifier = classifier_of(0)
    frames = condition(Conditions(window_encoder(), TINY_SPEC, "happy", classifier), 30)
    assert all(EMOTIONS[int(frame.emotion.argmax())] == "happy" for frame in frames)
    assert classifier.calls == []


def test_the_classifier_hears_the_last_seconds_once_a_second() -> None:
    classifier = classifier_of(5)
    frames = condition(Conditions(window_encoder(), TINY_SPEC, None, classifier), 130)
    assert [len(call["pcm"][0]) // SAMPLES_PER_FRAME for call in classifier.calls] == [25, 50, 75, 100, 100]
    names = [EMOTIONS[int(frame.emotion.argmax())] for frame in frames]
    assert names[:20] == ["neutral"] * 20
    assert names[-50:] == ["sad"] * 50


def test_a_predicted_emotion_moves_a_share_of_the_way_and_stays_a_distribution() -> None:
    frames = condition(Conditions(window_encoder(), TINY_SPEC, None, classifier_of(5)), 130)
    sad = np.array([frame.emotion[5] for frame in frames])
    assert np.diff(sad).min() >= 0 and np.diff(sad).max() == pytest.approx(SMOOTHING, abs=1e-6)
    assert sad[-1] == pytest.approx(1 - (1 - SMOOTHING) ** 5, abs=1e-6)
    np.testing.assert_allclose([frame.emotion.sum() for frame in frames], 1, atol=1e-6)


def test_silence_leaves_the_emotion_as_it_was() -> None:
    classifier = classifier_of(5)
    conditions = Conditions(window_encoder(), TINY_SPEC, None, classifier)
    for chunk in noise_chunks(200):
        conditions.push(chunk)
    num_calls = len(classifier.calls)
    frames = [frame for i in range(500) for frame in conditions.push(silent_chunk(200 + i))]
    # While enough of the last seconds is speech it is still asked, and never again after that.
    assert num_calls <= len(classifier.calls) <= num_calls + SPAN_FRAMES // 25
    resting = [frame.emotion for frame in frames if frame.chunk.index >= 200 + SPAN_FRAMES]
    assert all(emotion is resting[0] for emotion in resting)
    assert EMOTIONS[int(resting[0].argmax())] == "sad"


def test_silence_alone_is_neutral_and_never_asks() -> None:
    classifier = classifier_of(0)
    conditions = Conditions(window_encoder(), TINY_SPEC, None, classifier)
    frames = [frame for i in range(300) for frame in conditions.push(silent_chunk(i))]
    assert classifier.calls == []
    np.testing.assert_array_equal(frames[-1].emotion, emotion_vector("neutral"))


def test_after_a_flush_the_emotion_is_neutral_again() -> None:
    conditions = Conditions(window_encoder(), TINY_SPEC, None, classifier_of(5))
    first, second = condition(conditions, 60), condition(conditions, 60)
    np.testing.assert_array_equal([f.emotion for f in first], [f.emotion for f in second])


def test_of_a_clip_the_classifier_hears_all_and_once() -> None:
    classifier = classifier_of(3)
    pcm = np.random.default_rng(0).normal(0, 0.1, 250 * SAMPLES_PER_FRAME - 7).astype(np.float32)
    conditions = ClipConditions(window_encoder(), TINY_SPEC, pcm, None, classifier)
    frames = [frame for chunk in noise_chunks(250) for frame in conditions.push(chunk)]
    (call,) = classifier.calls
    np.testing.assert_array_equal(call["pcm"][0], pcm)
    assert all(EMOTIONS[int(frame.emotion.argmax())] == "happy" for frame in frames)


def test_of_a_long_clip_the_classifier_hears_equal_parts_of_at_most_a_minute() -> None:
    def classify(inputs: dict) -> dict:
        return {"emotion": np.eye(len(EMOTIONS), dtype=np.float32)[[int(inputs["pcm"][0, -1])]]}

    classifier = FakeEngine(TINY_SPEC.signature("emotion_classifier"), classify)
    pcm = np.repeat(np.array([3, 3, 5], np.float32), 45 * 16_000)[:-2]
    conditions = ClipConditions(window_encoder(), TINY_SPEC, pcm, None, classifier)
    np.testing.assert_array_equal(np.concatenate([call["pcm"][0] for call in classifier.calls]), pcm)
    lengths = [call["pcm"].shape[1] for call in classifier.calls]
    assert max(lengths) <= 60 * 16_000 and max(lengths) - min(lengths) <= 1
    (frame,) = conditions.push(next(noise_chunks(1)))
    np.testing.assert_allclose(frame.emotion[[3, 5]], (2 / 3, 1 / 3), atol=1e-6)


def test_of_a_clip_with_a_chosen_emotion_it_hears_nothing() -> None:
    classifier = classifier_of(3)
    conditions = ClipConditions(window_encoder(), TINY_SPEC, np.ones(700, np.float32), "sad", classifier)
    frames = [frame for chunk in noise_chunks(2) for frame in conditions.push(chunk)]
    assert classifier.calls == [] and EMOTIONS[int(frames[1].emotion.argmax())] == "sad"


def test_the_emotion_of_a_clip_can_be_chosen_and_given_back() -> None:
    conditions = ClipConditions(window_encoder(), TINY_SPEC, np.ones(4000, np.float32), "sad", classifier_of(3))
    chunks = list(noise_chunks(3))
    names = []
    for chunk, choice in zip(chunks, ("sad", "angry", None), strict=True):
        conditions.choose(choice)
        (frame,) = conditions.push(chunk)
        names.append(EMOTIONS[int(frame.emotion.argmax())])
    assert names == ["sad", "angry", "happy"]


def test_a_clip_shorter_than_what_the_classifier_can_hear_is_drawn_out() -> None:
    classifier = classifier_of(3)
    ClipConditions(window_encoder(), TINY_SPEC, np.array([0.5, 0.25], np.float32), None, classifier)
    assert classifier.calls[0]["pcm"].shape == (1, 400)


def test_a_fixed_encoder_gives_a_clip_what_it_gives_a_stream() -> None:
    chunks = list(noise_chunks(23))
    clip = ClipConditions(window_encoder(), TINY_SPEC, np.concatenate([chunk.pcm for chunk in chunks]))
    whole = [frame for chunk in chunks for frame in clip.push(chunk)]
    rolling = condition(Conditions(window_encoder(), TINY_SPEC), 23)
    np.testing.assert_array_equal([f.audio_features for f in whole], [f.audio_features for f in rolling])
    assert clip.flush() == [] and clip.push(chunks[0])[0].chunk is chunks[0]
