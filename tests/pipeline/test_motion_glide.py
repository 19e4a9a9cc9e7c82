"""A stream that is directed while it runs: what is asked comes without a jump, and what is not asked stays exactly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.packets import MotionFrame
from contract.spec import EMOTIONS
from pipeline.avatar import NeuralAvatar, NeuralStream, StreamSettings
from pipeline.expression import Expression
from pipeline.motion_editor import MotionEdit, MotionEditor
from pipeline.motion_glide import GLIDE_FRAMES, WEIGHTS, MotionGlide
from tests.fakes import TINY_SPEC, FakeEngine, conditioned_field, fake_engines, noise_chunks, silent_chunk

SPEC = replace(TINY_SPEC, motion_names=("yaw", "smile"))
BASIS = np.linalg.qr(np.random.default_rng(4).standard_normal((8, 4)))[0].astype(np.float32)
DRAWN = np.random.default_rng(5).standard_normal((60, 8)).astype(np.float32)


def glide_over(glide: MotionGlide, wishes: Mapping[int, Sequence[MotionEdit]]) -> np.ndarray:
    """DRAWN after the editor, which is directed before the frames named."""
    edited = []
    for i, latent in enumerate(DRAWN):
        if i in wishes:
            glide.direct(wishes[i])
        edited.append(glide.push(MotionFrame(silent_chunk(i), latent)).motion_latent)
    return np.stack(edited)


def test_a_wish_comes_within_a_third_of_a_second_gently_and_reaches_nothing_else() -> None:
    edited = glide_over(MotionGlide(BASIS, SPEC), {20: [MotionEdit("smile", 2.0)]})
    change = (edited - DRAWN) @ BASIS
    np.testing.assert_array_equal(edited[:20], DRAWN[:20])
    smile = change[:, 1]
    steps = np.diff(smile[19 : 20 + GLIDE_FRAMES])
    assert (steps[:GLIDE_FRAMES] > 0).all(), "it never turns back"
    assert steps.max() < 2.0 / 4, "no single frame takes more than a quarter"
    assert steps[0] < steps.max() / 3 and steps[GLIDE_FRAMES - 1] < steps.max() / 3, "it sets out and arrives gently"
    np.testing.assert_allclose(smile[19 + GLIDE_FRAMES :], 2.0, atol=1e-5)
    assert GLIDE_FRAMES * 40 <= 340
    np.testing.assert_allclose(np.delete(change, 1, axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(edited - edited @ BASIS @ BASIS.T, DRAWN - DRAWN @ BASIS @ BASIS.T, atol=1e-5)
    assert WEIGHTS.sum() == pytest.approx(1)


def test_a_dragged_slider_is_followed_and_never_overshot() -> None:
    drag = {10 + i: [MotionEdit("yaw", 0.1 * (i + 1))] for i in range(20)}
    yaw = (glide_over(MotionGlide(BASIS, SPEC), drag) - DRAWN) @ BASIS[:, 0]
    steps = np.diff(yaw)
    assert steps.min() > -1e-5 and steps.max() < 0.1 + 1e-5, "as fast as the hand, never faster"
    np.testing.assert_allclose(yaw[30 + GLIDE_FRAMES :], 2.0, atol=1e-5)


def test_a_held_coefficient_is_taken_hold_of_and_let_go_between_what_is_drawn_and_its_value() -> None:
    edited = glide_over(MotionGlide(BASIS, SPEC), {10: [MotionEdit("smile", 0.5, is_held=True)], 40: []})
    drawn, smile = DRAWN @ BASIS[:, 1], edited @ BASIS[:, 1]
    np.testing.assert_allclose(smile[10 + GLIDE_FRAMES : 40], 0.5, atol=1e-5)
    assert (smile >= np.minimum(drawn, 0.5) - 1e-5).all() and (smile <= np.maximum(drawn, 0.5) + 1e-5).all()
    np.testing.assert_array_equal(edited[39 + GLIDE_FRAMES :], DRAWN[39 + GLIDE_FRAMES :])


def test_settled_it_does_exactly_what_the_editor_does() -> None:
    edits = [MotionEdit("yaw", 0.3), MotionEdit(3, -1, is_held=True)]
    editor = MotionEditor(BASIS, SPEC, edits)
    expected = np.stack([editor.edit(latent) for latent in DRAWN])
    np.testing.assert_array_equal(glide_over(MotionGlide(BASIS, SPEC, edits), {}), expected)
    late = glide_over(MotionGlide(BASIS, SPEC), {5: edits})
    np.testing.assert_array_equal(late[5 + GLIDE_FRAMES :], expected[5 + GLIDE_FRAMES :])


def test_a_wish_that_can_not_be_had_is_refused_and_changes_nothing() -> None:
    glide = MotionGlide(BASIS, SPEC, [MotionEdit("smile", 1.0)])
    with pytest.raises(ConfigError, match="'nose', expected a number from 0 to 3, or one of yaw, smile"):
        glide.direct([MotionEdit("yaw", 1.0), MotionEdit("nose", 1.0)])
    with pytest.raises(ConfigError, match="no motion basis"):
        MotionGlide(None, SPEC).direct([MotionEdit("smile", 1.0)])
    smile = (glide_over(glide, {}) - DRAWN) @ BASIS
    np.testing.assert_allclose(smile, np.tile([0, 1, 0, 0], (60, 1)), atol=1e-5)


def directed(
    settings: StreamSettings, wish: Callable[[NeuralStream, int], None], classifier: FakeEngine | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The motion painted over 80 frames of a stream, and the emotion each window was drawn with.

    wish: called before each chunk is pushed
    """
    flow = conditioned_field(SPEC)
    engines = replace(fake_engines(SPEC, flow), emotion_classifier=classifier)
    avatar = NeuralAvatar(SPEC, engines, BASIS)
    stream = avatar.start(avatar.prepare(np.full((40, 40, 3), 90, np.uint8), crop=False), settings)
    for chunk in noise_chunks(80):
        wish(stream, chunk.index)
        list(stream.push(chunk))
    list(stream.flush())
    decoder = engines.frame_decoder
    motion = np.concatenate([np.asarray(call["motion_latent"], np.float32) for call in decoder.calls])  # type: ignore[attr-defined]
    evaluations = SPEC.euler_points - 1
    return motion, np.concatenate([np.asarray(call["emotion"]) for call in flow.calls[::evaluations]])


def unwished(stream: NeuralStream, index: int) -> None:
    """Nothing is asked."""


def repeated(settings: StreamSettings) -> Callable[[NeuralStream, int], None]:
    """What the stream does already is asked for again, at every frame."""
    return lambda stream, index: stream.direct(Expression(settings.emotion, settings.motion_edits))


def test_to_ask_for_what_is_there_changes_nothing() -> None:
    for settings in (StreamSettings(), StreamSettings(emotion="sad")):
        plain, _ = directed(settings, unwished)
        np.testing.assert_array_equal(directed(settings, repeated(settings))[0], plain)


@pytest.mark.parametrize("hop", [1, 5])
def test_edits_reach_the_next_frame_painted_and_never_what_is_drawn(hop: int) -> None:
    def smile(stream: NeuralStream, index: int) -> None:
        if index == 40:
            stream.direct(Expression(motion_edits=(MotionEdit("smile", 1.5),)))

    settings = StreamSettings(hop, 4)
    plain, _ = directed(settings, unwished)
    edited, _ = directed(settings, smile)
    change = (edited - plain) @ BASIS
    (changed,) = np.nonzero(np.abs(change[:, 1]) > 1e-3)
    assert 40 - (hop + 4 + 8) <= changed[0] <= 40
    scale = max(1.0, float(np.abs(plain).max()))
    np.testing.assert_allclose(change[changed[0] + GLIDE_FRAMES :, 1], 1.5, atol=1e-5 * scale)
    np.testing.assert_allclose(np.delete(change, 1, axis=1), 0, atol=1e-5 * scale)


@pytest.mark.parametrize("at", range(40, 46))
def test_an_emotion_counts_from_the_next_window_drawn(at: int) -> None:

    def cheer(stream: NeuralStream, index: int) -> None:
        if index == at:
            stream.direct(Expression("happy"))

    settings = StreamSettings(5, 4, emotion="sad")
    plain, _ = directed(settings, unwished)
    cheered, emotions = directed(settings, cheer)
    names = [EMOTIONS[int(row.argmax())] for row in emotions]
    num_sad = names.index("happy")
    # The first window is drawn with both.
    assert names == ["sad"] * num_sad + ["happy", "sad"] + ["happy"] * (len(names) - num_sad - 2)
    np.testing.assert_array_equal(cheered[: 5 * num_sad], plain[: 5 * num_sad])
    # Frame 5 n waits for the sound of its window: what the encoder gives with chunk 5 n + 8 + 2, in calls of four.
    drawn_before = [n for n in range(len(names)) if (5 * n + 8) // 4 * 4 + 3 + 2 < at]
    assert num_sad == len(drawn_before)


def test_without_a_choice_the_voice_is_heard_again_from_the_emotion_that_was_chosen() -> None:
    def classify(inputs: dict) -> dict:
        return {"emotion": np.eye(len(EMOTIONS), dtype=np.float32)[[EMOTIONS.index("sad")]]}

    def let_go(stream: NeuralStream, index: int) -> None:
        if index == 20:
            stream.direct(Expression())

    classifier = FakeEngine(SPEC.signature("emotion_classifier"), classify)
    _, emotions = directed(StreamSettings(5, 4, emotion="happy"), let_go, classifier)
    happy, sad = emotions[:, EMOTIONS.index("happy")], emotions[:, EMOTIONS.index("sad")]
    assert happy[0] == 1 and (np.diff(happy) <= 0).all() and sad[-1] > 0.4
    np.testing.assert_allclose(happy + sad, 1, atol=1e-6)
    _, alone = directed(StreamSettings(5, 4, emotion="happy"), let_go)
    assert EMOTIONS[int(alone[-1].argmax())] == "neutral"


def test_what_was_asked_outlives_a_reset_and_is_there_at_once() -> None:
    avatar = NeuralAvatar(SPEC, fake_engines(SPEC), BASIS)
    portrait = avatar.prepare(np.full((40, 40, 3), 90, np.uint8), crop=False)
    stream = avatar.start(portrait, StreamSettings())
    for chunk in noise_chunks(30):
        if chunk.index == 28:
            stream.direct(Expression("angry", (MotionEdit("yaw", 1.0),)))
        list(stream.push(chunk))
    stream.reset()
    fresh = avatar.start(portrait, StreamSettings(emotion="angry", motion_edits=(MotionEdit("yaw", 1.0),)))
    for chunk in noise_chunks(30, seed=2):
        for one, other in zip(stream.push(chunk), fresh.push(chunk), strict=True):
            np.testing.assert_array_equal(one.image, other.image)


def test_an_emotion_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="emotion 'glad', expected one of angry"):
        Expression("glad")


def test_an_avatar_says_what_it_can_be_asked_for() -> None:
    named = NeuralAvatar(SPEC, fake_engines(SPEC), BASIS).controls
    assert (named.emotions, named.hears_emotion, named.motion_names) == (EMOTIONS, False, ("yaw", "smile"))
    assert NeuralAvatar(TINY_SPEC, fake_engines(), BASIS).controls.motion_names == ("0", "1", "2", "3")
    assert NeuralAvatar(SPEC, fake_engines(SPEC)).controls.motion_names == ()
