"""A stream that goes back to the last frame shown goes on from it, as if what was taken back had never been drawn."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from contract.packets import ConditionedFrame, MotionFrame, SpeechChunk
from contract.spec import EMOTIONS, AvatarSpec
from pipeline.avatar import AvatarEngines, NeuralAvatar, NeuralStream, StreamSettings
from pipeline.conditions import emotion_vector
from pipeline.expression import Expression
from pipeline.frame_history import KEPT_FRAMES, FrameHistory
from pipeline.motion_editor import MotionEdit
from pipeline.motion_glide import GLIDE_FRAMES, MotionGlide
from pipeline.motion_noise import frame_noise
from pipeline.motion_sampler import MotionSampler, WindowSettings
from pipeline.predicted_emotion import PredictedEmotion
from tests.fakes import TINY_SPEC, FakeEngine, conditioned_field, fake_engines, noise_chunks, silent_chunk

SPEC = replace(TINY_SPEC, audio_chunk_frames=1, motion_names=("yaw", "smile"))
BASIS = np.linalg.qr(np.random.default_rng(4).standard_normal((8, 4)))[0].astype(np.float32)
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
SETTINGS = StreamSettings(5, 2)


def open_stream(
    settings: StreamSettings = SETTINGS, spec: AvatarSpec = SPEC, flow: FakeEngine | None = None
) -> tuple[NeuralStream, AvatarEngines]:
    engines = fake_engines(spec, flow)
    avatar = NeuralAvatar(spec, engines, BASIS)
    return avatar.start(avatar.prepare(PICTURE, crop=False), settings), engines


def play(stream: NeuralStream, chunks: Iterable[SpeechChunk], last_index: int | None = None) -> dict[int, np.ndarray]:
    """Picture by index. last_index: nothing more is asked of the stream once this frame is there."""
    shown = {}
    for chunk in chunks:
        for frame in stream.push(chunk):
            shown[frame.index] = frame.image
            if frame.index == last_index:
                return shown
    return shown


def silenced(chunks: Iterable[SpeechChunk]) -> list[SpeechChunk]:
    return [silent_chunk(chunk.index) for chunk in chunks]


def painted(engines: AvatarEngines) -> np.ndarray:
    """Motion of all frames painted so far."""
    calls = engines.frame_decoder.calls  # type: ignore[attr-defined]
    return np.concatenate([np.asarray(call["motion_latent"], np.float32) for call in calls])


@pytest.mark.parametrize("last_index", [4, 9, 24, 29])
@pytest.mark.parametrize("num_later", [1, 3, 40])
def test_taken_back_to_a_seam_the_same_sound_gives_the_same_frames(last_index: int, num_later: int) -> None:
    # Asked for early enough to count at the last frame, and late enough that it is still on its way there.
    happy = {15: Expression("happy"), 25: Expression("happy", (MotionEdit("smile", 2.0),))}
    wishes = happy if last_index > 20 else {}

    def through(stream: NeuralStream, chunks: list[SpeechChunk]) -> dict[int, np.ndarray]:
        shown: dict[int, np.ndarray] = {}
        for chunk in chunks:
            if chunk.index in wishes:
                stream.direct(wishes[chunk.index])
            shown |= play(stream, [chunk])
        return shown

    chunks = list(noise_chunks(90))
    plain = through(open_stream()[0], chunks)
    stream, _ = open_stream()
    so_far = last_index + stream.delay_frames + 1 + num_later
    shown = through(stream, chunks[:so_far])
    taken = stream.rewind(last_index)
    assert taken == chunks[last_index + 1 : so_far], "nothing is missing, nothing more is taken"
    again = play(stream, taken) | through(stream, chunks[so_far:])
    assert list(again) == list(range(last_index + 1, max(plain) + 1))
    for index, picture in again.items():
        np.testing.assert_array_equal(picture, plain[index])
    for index in range(last_index + 1):
        np.testing.assert_array_equal(shown[index], plain[index])


@pytest.mark.parametrize("last_index", [11, 12, 13, 14, 15, 27])
@pytest.mark.parametrize("spec", [SPEC, TINY_SPEC, replace(SPEC, audio_statistics=True)])
def test_the_next_window_carries_what_was_shown(last_index: int, spec: AvatarSpec) -> None:
    spec = replace(spec, motion_names=("yaw", "smile"))
    stream, engines = open_stream(spec=spec)
    play(stream, noise_chunks(60), last_index)
    shown = painted(engines)
    assert len(shown) == last_index + 1
    flow = engines.flow_transformer.calls  # type: ignore[attr-defined]
    heard = np.concatenate([call["audio_features"][0, :5] for call in flow[:: spec.euler_points - 1]])
    num_calls = len(flow)
    taken = stream.rewind(last_index)
    assert [chunk.index for chunk in taken] == list(range(last_index + 1, last_index + 1 + len(taken)))
    again = play(stream, silenced(taken) + [silent_chunk(taken[-1].index + 1 + i) for i in range(30)])
    assert list(again) == list(range(last_index + 1, last_index + 1 + len(again))), "every index once, in order"
    first = flow[num_calls]
    np.testing.assert_array_equal(first["carried_motion"][0], shown[-10:])
    np.testing.assert_array_equal(first["carried_audio"][0], heard[last_index - 9 : last_index + 1])
    np.testing.assert_array_equal(first["noisy_motion"][0], frame_noise(0, last_index + 1, 7, 8))


def test_the_sound_before_is_heard_before_the_silence_and_the_sound_taken_back_is_not() -> None:
    stream, engines = open_stream()
    chunks = list(noise_chunks(40))
    play(stream, chunks, 17)
    num_calls = len(engines.audio_encoder.calls)  # type: ignore[attr-defined]
    play(stream, silenced(stream.rewind(17)))
    call = engines.audio_encoder.calls[num_calls]["pcm"].reshape(-1, 640)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(call[:3], [chunk.pcm for chunk in chunks[15:18]])
    assert not call[3:].any()


@pytest.mark.parametrize("spec", [SPEC, TINY_SPEC])
@pytest.mark.parametrize("num_before", [0, 3, 12, 40])
def test_before_the_first_frame_everything_begins_anew(spec: AvatarSpec, num_before: int) -> None:
    spec = replace(spec, motion_names=("yaw", "smile"))
    fresh = play(open_stream(spec=spec)[0], noise_chunks(60, seed=2))
    stream, _ = open_stream(spec=spec)
    play(stream, noise_chunks(num_before))
    assert len(stream.rewind(-1)) == num_before
    again = play(stream, noise_chunks(60, seed=2))
    assert list(again) == list(fresh)
    for index, picture in again.items():
        np.testing.assert_array_equal(picture, fresh[index])


def test_a_stream_can_go_back_again_and_again() -> None:
    stream, _ = open_stream()
    chunks: list[SpeechChunk] = list(noise_chunks(40))
    shown: list[int] = []
    for seed, last_index in enumerate((20, 20, 21, 28, 28)):
        shown += [index for index in play(stream, chunks, last_index) if index <= last_index]
        assert shown == list(range(last_index + 1))
        taken = stream.rewind(last_index)
        chunks = [*noise_chunks(len(taken) + 12, seed + 1, last_index + 1)]
    shown += play(stream, chunks)
    assert shown == list(range(len(shown)))


def approaching() -> FakeEngine:
    """A flow whose motion leaves the last carried frame for where the sound wants it, a third of the way a frame."""

    def field(inputs: dict) -> dict:
        goal = 3 * np.asarray(inputs["audio_features"], np.float32)[..., :1]
        motion = [np.asarray(inputs["carried_motion"], np.float32)[:, -1]]
        for i in range(goal.shape[1]):
            motion.append((motion[-1] + (goal[:, i] - motion[-1]) / 3).astype(np.float32))
        left = 1 - np.asarray(inputs["time"], np.float32)[:, None, None]
        return {"velocity": ((np.stack(motion[1:], 1) - np.asarray(inputs["noisy_motion"])) / left).astype(np.float32)}

    return FakeEngine(SPEC.signature("flow_transformer"), field)


@pytest.mark.parametrize("last_index", range(20, 30))
def test_the_step_at_the_splice_is_an_ordinary_one(last_index: int) -> None:
    stream, engines = open_stream(flow=approaching())
    play(stream, noise_chunks(60), last_index + 4)
    num_painted = last_index + 5
    taken = stream.rewind(last_index)
    play(stream, silenced(taken) + [silent_chunk(taken[-1].index + 1 + i) for i in range(10)])
    motion = np.concatenate([painted(engines)[: last_index + 1], painted(engines)[num_painted:]])
    steps = np.abs(np.diff(motion, axis=0)).max(1)
    assert len(motion) > last_index + 5
    assert steps[last_index] <= steps[5:last_index].max()


def test_edits_go_on_gliding_from_the_last_frame_shown() -> None:
    latent = np.zeros(8, np.float32)
    glide = MotionGlide(BASIS, SPEC)
    smiles = []
    for i in range(20):
        if i == 10:
            glide.direct([MotionEdit("smile", 1.0)])
        smiles.append(float(glide.push(MotionFrame(silent_chunk(i), latent)).motion_latent @ BASIS[:, 1]))
    for last_index in (13, 9, 11):
        glide.rewind(last_index)
        again = [glide.push(MotionFrame(silent_chunk(i), latent)).motion_latent for i in range(last_index + 1, 30)]
        rising = np.array(smiles[: last_index + 1] + [float(each @ BASIS[:, 1]) for each in again])
        assert (np.diff(rising) > -1e-6).all() and np.diff(rising).max() < 1 / 4
        np.testing.assert_allclose(rising[last_index + GLIDE_FRAMES + 1 :], 1, atol=1e-6)
    glide.rewind(-1)
    assert glide.push(MotionFrame(silent_chunk(0), latent)).motion_latent @ BASIS[:, 1] == pytest.approx(1)


@pytest.mark.parametrize("last_index", range(26, 50))
def test_an_emotion_on_its_way_goes_on_from_the_last_frame_shown(last_index: int) -> None:
    where = {"sad": -1.0, "happy": 2.0}

    def field(inputs: dict) -> dict:
        place = sum(inputs["emotion"][:, EMOTIONS.index(name), None, None] * at for name, at in where.items())
        left = 1 - np.asarray(inputs["time"], np.float32)[:, None, None]
        return {"velocity": ((place - np.asarray(inputs["noisy_motion"])) / left).astype(np.float32)}

    engine = FakeEngine(SPEC.signature("flow_transformer"), field).bind(reference_motion=np.zeros((1, 8), np.float32))
    sampler = MotionSampler(engine, SPEC, WindowSettings(5, 2, 4, 1.0, 1.0))

    def draw(first_index: int, num_frames: int, emotion: str) -> list[float]:
        motion = []
        for i in range(first_index, first_index + num_frames):
            frame = ConditionedFrame(silent_chunk(i), np.zeros(6, np.float32), emotion_vector(emotion))
            motion += sampler.push(frame)
        return [float(frame.motion_latent[0]) for frame in motion]

    place = draw(0, 32, "sad")
    sampler.choose(emotion_vector("happy"))
    place += draw(32, 30, "happy")
    sampler.rewind(last_index)
    went = np.array(place[: last_index + 1] + draw(last_index + 1, 40, "happy"))
    assert np.diff(went).min() > -1e-4 and np.diff(went).max() < 3 / 8, "the whole way is 3"
    np.testing.assert_allclose(went[:27], -1, atol=1e-5)
    np.testing.assert_allclose(went[-10:], 2, atol=1e-5)


def test_a_predicted_emotion_forgets_the_sound_and_stays_where_it_is() -> None:
    def classify(inputs: dict) -> dict:
        heard.append(np.asarray(inputs["pcm"])[0])
        return {"emotion": np.eye(7, dtype=np.float32)[[EMOTIONS.index("sad")]]}

    heard: list[np.ndarray] = []
    chunks = list(noise_chunks(100))
    predicted = PredictedEmotion(FakeEngine(SPEC.signature("emotion_classifier"), classify))
    for chunk in chunks[:60]:
        predicted.hear(chunk)
    before, num_heard = predicted.vector, len(heard)
    predicted.take_back(20)
    np.testing.assert_array_equal(predicted.vector, before)
    for chunk in silenced(chunks[40:60]) + chunks[60:]:
        predicted.hear(chunk)
    assert len(heard) > num_heard
    expected = np.concatenate([chunk.pcm for chunk in chunks[:40] + silenced(chunks[40:60]) + chunks[60:]])
    np.testing.assert_array_equal(heard[-1], expected)


def test_a_history_is_bounded_and_begins_anew_where_indexes_do() -> None:
    history: FrameHistory[str] = FrameHistory()
    for i in range(1000):
        history.add(i, str(i))
    assert len(history.newest(2000)) == KEPT_FRAMES and history.newest(2) == ["998", "999"]
    assert history.take_back(996) == ["997", "998", "999"] and history.newest(1) == ["996"]
    assert history.newest(0) == [] and history.take_back(2000) == []
    history.add(0, "again")
    assert history.newest(5) == ["again"]


def test_a_stream_that_never_goes_back_keeps_a_bounded_memory() -> None:
    stream, _ = open_stream(flow=conditioned_field(SPEC))
    for chunk in noise_chunks(KEPT_FRAMES + 200):
        for _ in stream.push(chunk):
            pass
    assert len(stream.rewind(KEPT_FRAMES + 180)) < 40
