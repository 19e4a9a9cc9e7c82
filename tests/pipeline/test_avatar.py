"""The stages in a row: indexes in equal indexes out, the same sound gives the same frames, settings are checked."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.packets import SAMPLES_PER_FRAME, AvatarFrame, SpeechChunk
from contract.spec import EMOTIONS, AvatarSpec
from pipeline.avatar import NeuralAvatar, NeuralStream, StreamSettings
from pipeline.click_marks import MarkedStream
from tests.fakes import TINY_SPEC, FakeEngine, fake_engines, noise_chunks

FREE_SPEC = replace(TINY_SPEC, audio_statistics=True)
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)


def open_stream(settings: StreamSettings | None = None, spec: AvatarSpec = TINY_SPEC) -> NeuralStream:
    avatar = NeuralAvatar(spec, fake_engines(spec))
    return avatar.start(avatar.prepare(PICTURE, crop=False), settings or StreamSettings())


def play(stream: NeuralStream, chunks: Iterable[SpeechChunk]) -> list[AvatarFrame]:
    frames = [frame for chunk in chunks for frame in stream.push(chunk)]
    return frames + list(stream.flush())


def pictures(frames: list[AvatarFrame]) -> np.ndarray:
    return np.stack([frame.image for frame in frames])


@pytest.mark.parametrize(("hop", "lookahead"), [(1, 0), (2, 3), (5, 4), (20, 0), (3, 17)])
@pytest.mark.parametrize("num_frames", [1, 7, 40])
def test_every_chunk_comes_out_once_in_order_with_its_sound(hop: int, lookahead: int, num_frames: int) -> None:
    chunks = list(noise_chunks(num_frames))
    frames = play(open_stream(StreamSettings(hop, lookahead)), chunks)
    assert [frame.index for frame in frames] == list(range(num_frames))
    assert all(frame.chunk is chunk for frame, chunk in zip(frames, chunks, strict=True))


@pytest.mark.parametrize(
    ("context", "lookahead", "chunk", "hop", "window_lookahead"),
    [(3, 2, 4, 5, 4), (0, 0, 1, 1, 0), (8, 3, 1, 5, 4), (3, 2, 7, 2, 1), (3, 1, 2, 20, 0)],
)
def test_delay_frames_is_the_longest_wait(
    context: int, lookahead: int, chunk: int, hop: int, window_lookahead: int
) -> None:
    spec = AvatarSpec(
        16,
        8,
        4,
        6,
        (3, 2),
        euler_points=2,
        audio_context_frames=context,
        audio_lookahead_frames=lookahead,
        audio_chunk_frames=chunk,
    )
    assert_waits_are_told(spec, StreamSettings(hop, window_lookahead))


@pytest.mark.parametrize(("lookahead", "hop", "window_lookahead"), [(0, 1, 0), (4, 5, 8), (16, 20, 0), (2, 3, 40)])
def test_calls_of_a_free_encoder_give_what_windows_wait_for(lookahead: int, hop: int, window_lookahead: int) -> None:
    spec = replace(FREE_SPEC, audio_lookahead_frames=lookahead, window_frames=50)
    settings = StreamSettings(hop, window_lookahead)
    assert_waits_are_told(spec, settings)
    assert open_stream(settings, spec).delay_frames == hop + window_lookahead - 1 + lookahead


def assert_waits_are_told(spec: AvatarSpec, settings: StreamSettings) -> None:
    stream = open_stream(settings, spec)
    waits = [pushed.index - frame.index for pushed in noise_chunks(150) for frame in stream.push(pushed)]
    assert max(waits) == stream.delay_frames


@pytest.mark.parametrize(
    ("chunk_frames", "free", "expected"),
    [(1, False, {8: 5, 11: 3}), (2, False, {7: 3, 9: 3}), (1, True, {6: 3, 9: 3})],
    ids=["each frame", "two at a time", "groups of a window"],
)
def test_sound_that_waits_is_drawn_with_its_window_where_it_gives_frames_at_once(
    chunk_frames: int, free: bool, expected: dict[int, int]
) -> None:
    base = replace(FREE_SPEC, audio_lookahead_frames=2) if free else replace(TINY_SPEC, audio_chunk_frames=chunk_frames)
    stream = MarkedStream(open_stream(StreamSettings(3, 2), base))
    waiting = {6: 2, 7: 1}
    given = {chunk.index: len(list(stream.push(chunk, waiting.get(chunk.index, 0)))) for chunk in noise_chunks(12)}
    assert {index: number for index, number in given.items() if number} == expected


def test_pictures_depend_on_the_sound_and_on_nothing_else() -> None:
    first = pictures(play(open_stream(), noise_chunks(30)))
    np.testing.assert_array_equal(first, pictures(play(open_stream(), noise_chunks(30))))
    assert (first != pictures(play(open_stream(), noise_chunks(30, seed=1)))).any()


def test_two_streams_of_one_avatar_do_not_touch_each_other() -> None:
    avatar = NeuralAvatar(TINY_SPEC, fake_engines())
    portrait = avatar.prepare(PICTURE, crop=False)
    one, other = avatar.start(portrait, StreamSettings()), avatar.start(portrait, StreamSettings(seed=3))
    frames: list[AvatarFrame] = []
    for chunk, other_chunk in zip(noise_chunks(30), noise_chunks(30, seed=9), strict=True):
        frames += one.push(chunk)
        list(other.push(other_chunk))
    frames += one.flush()
    np.testing.assert_array_equal(pictures(frames), pictures(play(open_stream(), noise_chunks(30))))


def test_a_prefix_of_the_sound_gives_a_prefix_of_the_frames() -> None:
    short, long = play(open_stream(), noise_chunks(30)), play(open_stream(), noise_chunks(60))
    safe = 30 - open_stream().delay_frames
    np.testing.assert_array_equal(pictures(short[:safe]), pictures(long[:safe]))


def test_reset_gives_the_same_frames_again() -> None:
    stream = open_stream()
    for chunk in noise_chunks(13, seed=4):
        list(stream.push(chunk))
    stream.reset()
    np.testing.assert_array_equal(
        pictures(play(stream, noise_chunks(20))), pictures(play(open_stream(), noise_chunks(20)))
    )


def test_frames_are_painted_only_when_asked_for() -> None:
    engines = fake_engines()
    avatar = NeuralAvatar(TINY_SPEC, engines)
    stream = avatar.start(avatar.prepare(PICTURE, crop=False), StreamSettings())
    decoder_calls = engines.frame_decoder.calls  # type: ignore[attr-defined]
    for chunk in noise_chunks(50):
        frames = stream.push(chunk)
        before = len(decoder_calls)
        for i, _ in enumerate(frames):
            assert len(decoder_calls) == before + i + 1
    assert len(decoder_calls) > 20


def test_the_portrait_and_the_guidance_reach_the_engines() -> None:
    engines = fake_engines()
    avatar = NeuralAvatar(TINY_SPEC, engines)
    portrait = avatar.prepare(PICTURE, crop=False)
    stream = avatar.start(portrait, StreamSettings(audio_guidance=1.25))
    play(stream, noise_chunks(5))
    call = engines.flow_transformer.calls[0]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(call["reference_motion"], portrait.reference_motion)
    assert call["audio_guidance"].tolist() == [1.25]
    assert call["emotion_guidance"].tolist() == [TINY_SPEC.emotion_guidance]
    painted = engines.frame_decoder.calls[0]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(painted["feature_1"], portrait.feature_pyramid["feature_1"])
    assert "face" not in painted


def test_what_was_read_of_the_face_reaches_a_decoder_that_asks_for_it() -> None:
    spec = replace(TINY_SPEC, num_face_values=7)
    engines = fake_engines(spec)
    avatar = NeuralAvatar(spec, engines)
    portrait = avatar.prepare(PICTURE, crop=False)
    play(avatar.start(portrait, StreamSettings()), noise_chunks(5))
    painted = engines.frame_decoder.calls  # type: ignore[attr-defined]
    assert len(painted) == 5 and portrait.face is not None and portrait.face.any()
    for call in painted:
        np.testing.assert_array_equal(call["face"], portrait.face)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hop_frames": 0}, "hop_frames 0"),
        ({"hop_frames": 2.5}, r"hop_frames 2\.5"),
        ({"lookahead_frames": -1}, "lookahead_frames -1"),
        ({"seed": -4}, "seed -4"),
        ({"seed": 2**64}, "seed 18446744073709551616"),
        ({"emotion": "glad"}, "emotion 'glad', expected one of angry, disgust"),
        ({"audio_guidance": float("nan")}, "audio_guidance nan"),
        ({"emotion_guidance": float("inf")}, "emotion_guidance inf"),
    ],
)
def test_settings_without_meaning_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        StreamSettings(**settings)


def test_a_window_larger_than_the_bundles_is_refused() -> None:
    with pytest.raises(ConfigError, match="make 21 frames, expected at most the 20"):
        open_stream(StreamSettings(hop_frames=15, lookahead_frames=6))


def sound_of(chunks: Iterable[SpeechChunk]) -> np.ndarray:
    return np.concatenate([chunk.pcm for chunk in chunks])


def open_clip(chunks: list[SpeechChunk], settings: StreamSettings, spec: AvatarSpec = FREE_SPEC) -> NeuralStream:
    avatar = NeuralAvatar(spec, fake_engines(spec))
    return avatar.start(avatar.prepare(PICTURE, crop=False), settings, sound_of(chunks))


def test_a_clip_known_beforehand_is_heard_once_and_as_a_whole() -> None:
    chunks, engines = list(noise_chunks(30)), fake_engines(FREE_SPEC)
    avatar = NeuralAvatar(FREE_SPEC, engines)
    stream = avatar.start(avatar.prepare(PICTURE, crop=False), StreamSettings(), sound_of(chunks)[:-300])
    frames = play(stream, chunks)
    assert [frame.index for frame in frames] == list(range(30))
    (call,) = engines.audio_encoder.calls  # type: ignore[attr-defined]
    assert call["pcm"].shape == (1, 30 * SAMPLES_PER_FRAME)
    assert call["pcm"][0, :-300].std() == pytest.approx(1, abs=1e-3)


def test_how_a_clip_is_heard_changes_its_pictures_where_the_encoder_can_tell() -> None:
    chunks, settings = list(noise_chunks(30)), StreamSettings(2, 3)
    rolling = pictures(play(open_stream(settings, FREE_SPEC), chunks))
    assert (pictures(play(open_clip(chunks, settings), chunks)) != rolling).any()
    fixed = pictures(play(open_stream(settings), chunks))
    np.testing.assert_array_equal(pictures(play(open_clip(chunks, settings, TINY_SPEC), chunks)), fixed)


@pytest.mark.parametrize("clip", [False, True])
def test_a_stream_of_a_free_encoder_is_the_same_when_it_is_run_again(clip: bool) -> None:
    chunks, settings = list(noise_chunks(30)), StreamSettings(5, 4)
    stream = open_clip(chunks, settings) if clip else open_stream(settings, FREE_SPEC)
    first = pictures(play(stream, chunks))
    for chunk in chunks[:13]:
        list(stream.push(chunk))
    stream.reset()
    np.testing.assert_array_equal(pictures(play(stream, chunks)), first)


def test_emotion_its_guidance_and_the_seed_change_the_pictures() -> None:
    chunks = list(noise_chunks(20))
    plain = pictures(play(open_stream(StreamSettings(emotion="happy")), chunks))
    for changed in (
        StreamSettings(emotion="sad"),
        StreamSettings(emotion="happy", emotion_guidance=5.0),
        StreamSettings(emotion="happy", audio_guidance=1.0),
        StreamSettings(emotion="happy", seed=1),
    ):
        assert (pictures(play(open_stream(changed), chunks)) != plain).any(), changed
    np.testing.assert_array_equal(pictures(play(open_stream(StreamSettings(emotion="happy")), chunks)), plain)


def test_a_predicted_emotion_reaches_the_network_and_a_chosen_one_takes_its_place() -> None:
    def classify(inputs: dict) -> dict:
        return {"emotion": np.eye(len(EMOTIONS), dtype=np.float32)[[3]]}

    for chosen, expected in ((None, "happy"), ("angry", "angry")):
        classifier = FakeEngine(TINY_SPEC.signature("emotion_classifier"), classify)
        engines = replace(fake_engines(), emotion_classifier=classifier)
        avatar = NeuralAvatar(TINY_SPEC, engines)
        stream = avatar.start(avatar.prepare(PICTURE, crop=False), StreamSettings(emotion=chosen))
        play(stream, noise_chunks(150))
        last = engines.flow_transformer.calls[-1]["emotion"][0]  # type: ignore[attr-defined]
        assert EMOTIONS[int(last.argmax())] == expected
        assert bool(classifier.calls) == (chosen is None)
