"""A stream in silence does less, gives every frame when it always would, and answers to speech as quickly."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, AvatarFrame, SpeechChunk
from pipeline.avatar import AvatarEngines, NeuralAvatar, NeuralStream, StreamSettings
from pipeline.expression import Expression
from pipeline.motion_editor import MotionEdit
from pipeline.voice_activity import SETTLED_FRAMES, LastingSilence
from tests.fakes import TINY_SPEC, FakeEngine, fake_engines, silent_chunk

SPEC = replace(
    TINY_SPEC, window_frames=50, audio_chunk_frames=1, motion_names=("yaw", "pitch", "jaw", "smile"), audio_guidance=0.1
)
FREE_SPEC = replace(SPEC, audio_statistics=True)
BASIS = np.linalg.qr(np.random.default_rng(4).standard_normal((8, 4)))[0].astype(np.float32)
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
RELAXED, PLAIN = StreamSettings(5, 2), StreamSettings(5, 2, relaxes_in_silence=False)


def steady_field() -> FakeEngine:
    """A flow whose motion is told by sound and a little noise: at rest in silence but for a sway of some tenths px."""
    mix = 0.3 * np.random.default_rng(7).standard_normal((SPEC.audio_feature_dim, SPEC.latent_dim)).astype(np.float32)

    def field(inputs: dict) -> dict:
        time = np.asarray(inputs["time"], np.float32)[:, None, None]
        goal = np.asarray(inputs["audio_features"], np.float32) @ mix
        # From noise straight to the goal and a hundredth of the noise.
        noise = (np.asarray(inputs["noisy_motion"], np.float32) - time * goal) / (1 - 0.99 * time)
        return {"velocity": (goal - 0.99 * noise).astype(np.float32)}

    return FakeEngine(SPEC.signature("flow_transformer"), field)


def voiced_chunk(index: int) -> SpeechChunk:
    """40 ms of a vowel: harmonics of 120 Hz under two formants."""
    time_s = (np.arange(SAMPLES_PER_FRAME) + index * SAMPLES_PER_FRAME) / 16_000
    hz = 120.0 * np.arange(1, 30)
    levels = np.exp(-(((hz - 600) / 200) ** 2)) + 0.5 * np.exp(-(((hz - 1500) / 300) ** 2)) + 0.02
    tones = (levels[:, None] * np.sin(2 * np.pi * hz[:, None] * time_s)).sum(0)
    pcm = 0.15 * tones * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s))
    return SpeechChunk(index, pcm.astype(np.float32), np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16))


def call_of(*lengths: int) -> list[SpeechChunk]:
    """Stretches of silence and of speech, in turn."""
    kinds = [i % 2 for i, length in enumerate(lengths) for _ in range(length)]
    return [voiced_chunk(index) if kind else silent_chunk(index) for index, kind in enumerate(kinds)]


def open_stream(settings: StreamSettings = RELAXED, spec=SPEC) -> tuple[NeuralStream, AvatarEngines]:
    engines = fake_engines(spec, steady_field())
    avatar = NeuralAvatar(spec, engines, BASIS)
    return avatar.start(avatar.prepare(PICTURE, crop=False), settings), engines


def play(stream: NeuralStream, chunks: Iterable[SpeechChunk]) -> list[tuple[int, AvatarFrame]]:
    """Each frame with the index of the chunk that brought it."""
    return [(chunk.index, frame) for chunk in chunks for frame in stream.push(chunk)]


def num_calls(engine: object) -> int:
    return len(engine.calls)  # type: ignore[attr-defined]


def test_silence_lasts_once_it_was_silent_for_a_while_and_ends_with_the_first_voice() -> None:
    silence = LastingSilence()
    heard = [silence.push(chunk) for chunk in call_of(30, 20, 30)]
    assert heard[: SETTLED_FRAMES - 1] == [False] * (SETTLED_FRAMES - 1)
    assert all(heard[SETTLED_FRAMES - 1 : 30])
    # The detector itself goes on for some frames after a voice.
    assert not any(heard[31 : 50 + SETTLED_FRAMES]) and all(heard[-10:])
    silence.rewind(20)
    assert silence.lasts and silence.push(silent_chunk(21))
    silence.reset()
    assert [silence.lasts, silence.push(silent_chunk(0))] == [False, False]


@pytest.mark.parametrize("spec", [SPEC, FREE_SPEC], ids=["fixed calls", "free calls"])
def test_every_frame_comes_once_in_order_with_its_sound_at_the_same_moment(spec) -> None:
    chunks = call_of(70, 40, 90, 3, 60, 30, 40)
    relaxed, plain = play(open_stream(RELAXED, spec)[0], chunks), play(open_stream(PLAIN, spec)[0], chunks)
    assert [at for at, _ in relaxed] == [at for at, _ in plain], "no frame is later for it"
    assert [frame.index for _, frame in relaxed] == list(range(len(plain)))
    assert all(frame.chunk is chunks[frame.index] for _, frame in relaxed)
    again = play(open_stream(RELAXED, spec)[0], chunks)
    for (_, frame), (_, other) in zip(relaxed, again, strict=True):
        np.testing.assert_array_equal(frame.image, other.image)


def test_silence_takes_a_third_of_the_windows_and_pictures_at_most() -> None:
    work = {}
    for name, chunks in (("silence", call_of(500)), ("speech", call_of(0, 500))):
        stream, engines = open_stream()
        play(stream, chunks)
        work[name] = num_calls(engines.flow_transformer), num_calls(engines.frame_decoder)
    assert work["silence"][0] <= work["speech"][0] / 5
    assert work["silence"][1] <= work["speech"][1] / 3
    assert work["speech"][1] >= 450, "speech is painted frame by frame"


def test_digital_silence_is_encoded_once_and_a_noise_each_time() -> None:
    stream, engines = open_stream()
    play(stream, call_of(100))
    assert num_calls(engines.audio_encoder) == 1
    rng = np.random.default_rng(0)
    play(stream, [replace(silent_chunk(100 + i), pcm=rng.normal(0, 1e-4, 640).astype(np.float32)) for i in range(50)])
    assert num_calls(engines.audio_encoder) == 51


def test_unrelaxed_every_frame_is_drawn_and_painted() -> None:
    stream, engines = open_stream(PLAIN)
    given = play(stream, call_of(200))
    assert num_calls(engines.frame_decoder) == len(given) == 195
    assert num_calls(engines.flow_transformer) == 39 * (SPEC.euler_points - 1)


def test_what_is_shown_in_silence_is_near_what_would_be_painted_and_speech_after_it_is_exact() -> None:
    """In speech no frame may show something that was drawn for silence."""
    chunks = call_of(103, 60)
    stream, engines = open_stream()
    play(stream, chunks[:103])
    before = num_calls(engines.frame_decoder)
    spoken = play(stream, chunks[103:])
    latents = [np.asarray(call["motion_latent"])[0] for call in engines.frame_decoder.calls[before:]]  # type: ignore[attr-defined]
    assert len(latents) >= len(spoken) - 6
    plain = dict(enumerate(frame.image for _, frame in play(open_stream(PLAIN)[0], chunks)))
    for _, frame in spoken:
        if frame.index >= 110:
            # This flow carries nothing over: the same sound and noise make the same motion.
            assert np.abs(frame.image.astype(int) - plain[frame.index]).max() <= 3


@pytest.mark.parametrize("last_index", [80, 83, 96])
def test_a_silent_stream_goes_back_like_any_other(last_index: int) -> None:
    stream, engines = open_stream()
    given = play(stream, call_of(105))
    assert given[-1][1].index >= 98
    taken = stream.rewind(last_index)
    assert [chunk.index for chunk in taken] == list(range(last_index + 1, 105))
    painted = num_calls(engines.frame_decoder)
    again = play(stream, [*taken, *(silent_chunk(105 + i) for i in range(30))])
    assert [frame.index for _, frame in again] == list(range(last_index + 1, last_index + 1 + len(again)))
    assert num_calls(engines.frame_decoder) > painted, "the first one after is painted"
    assert len(again) >= 134 - last_index - stream.delay_frames


def test_edits_asked_for_in_silence_are_shown_frame_by_frame_until_they_are_there() -> None:
    stream, engines = open_stream()
    play(stream, call_of(60))
    before = num_calls(engines.frame_decoder)
    stream.direct(Expression(None, (MotionEdit("smile", 2.0),)))
    play(stream, [silent_chunk(60 + i) for i in range(60)])
    calls = engines.frame_decoder.calls[before:]  # type: ignore[attr-defined]
    smiles = np.array([np.asarray(call["motion_latent"])[0] @ BASIS[:, 3] for call in calls])
    assert (smiles > smiles[0] + 1.5).sum() < len(smiles) and smiles[-1] - smiles[0] == pytest.approx(2, abs=0.4)
    assert np.diff(smiles).max() < 1
    assert len(calls) < 40


def test_flushed_and_begun_again_it_is_the_same_stream() -> None:
    stream, _ = open_stream()
    chunks = call_of(50, 20, 43)

    def film() -> list[AvatarFrame]:
        frames = [frame for _, frame in play(stream, chunks)]
        return [*frames, *stream.flush()]

    first, second = film(), film()
    assert [frame.index for frame in first] == [frame.index for frame in second] == list(range(len(chunks)))
    for frame, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(frame.image, other.image)
