"""Editing one coefficient of motion leaves all else of it as it was, in one frame and over a whole stream."""

import re

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.spec import AvatarSpec
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.motion_editor import MotionEdit, MotionEditor
from tests.fakes import TINY_SPEC, conditioned_field, fake_engines, noise_chunks

SPEC = AvatarSpec(512, 512, 20, 512, (512, 512, 512, 256, 128, 64, 32), motion_names=("yaw", "pitch", "smile"))


def orthonormal(spec: AvatarSpec) -> np.ndarray:
    rng = np.random.default_rng(4)
    return np.linalg.qr(rng.standard_normal((spec.latent_dim, spec.num_motion_directions)))[0].astype(np.float32)


BASIS = orthonormal(SPEC)


def latents(num: int = 50) -> np.ndarray:
    """Motion as a network draws it: mostly of the basis, with a little outside."""
    rng = np.random.default_rng(5)
    inside = rng.standard_normal((num, SPEC.num_motion_directions)) @ BASIS.T
    return (inside + 0.05 * rng.standard_normal((num, SPEC.latent_dim))).astype(np.float32)


def outside(motion: np.ndarray) -> np.ndarray:
    return motion - motion @ BASIS @ BASIS.T


@pytest.mark.parametrize(("text", "column"), [("3=+0.5", 3), ("smile=+0.5", 2), ("19=-4.5", 19), (" yaw = -0.2", 0)])
def test_adding_moves_one_coefficient_and_nothing_else(text: str, column: int) -> None:
    edit = MotionEdit.parse(text)
    drawn = latents()
    edited = MotionEditor(BASIS, SPEC, [edit]).edit(drawn)
    assert edited.dtype == np.float32
    change = edited @ BASIS - drawn @ BASIS
    np.testing.assert_allclose(change[:, column], edit.value, atol=1e-5)
    np.testing.assert_allclose(np.delete(change, column, axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(outside(edited), outside(drawn), atol=1e-5)


@pytest.mark.parametrize(("text", "value"), [("7=0.4", 0.4), ("7=0", 0), ("7==-1.5", -1.5), ("7==+1.5", 1.5)])
def test_holding_gives_every_frame_the_same_coefficient(text: str, value: float) -> None:
    drawn = latents()
    edited = MotionEditor(BASIS, SPEC, [MotionEdit.parse(text)]).edit(drawn)
    np.testing.assert_allclose((edited @ BASIS)[:, 7], value, atol=1e-5)
    np.testing.assert_allclose(np.delete((edited - drawn) @ BASIS, 7, axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(outside(edited), outside(drawn), atol=1e-5)


def test_several_edits_at_once() -> None:
    edits = [MotionEdit("yaw", 0.5), MotionEdit(5, -1, is_held=True), MotionEdit(4, 2.0), MotionEdit("smile", 0, True)]
    drawn = latents()
    coefficients = MotionEditor(BASIS, SPEC, edits).edit(drawn) @ BASIS
    expected = drawn @ BASIS
    expected[:, 0] += 0.5
    expected[:, 4] += 2
    expected[:, 5], expected[:, 2] = -1, 0
    np.testing.assert_allclose(coefficients, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "motion edit '', expected NAME="),
        ("smile", "motion edit 'smile', expected NAME="),
        ("=0.5", "motion edit '=0.5'"),
        ("smile=", "motion edit 'smile='"),
        ("smile=much", "the value 'much'"),
        ("smile=+", r"the value '\+'"),
        ("smile=0,5", "the value '0,5'"),
        ("smile=1=2", "the value '1=2'"),
        ("smile=0.5 yaw=1", "motion edit 'smile=0.5 yaw=1'"),
        ("smile=nan", "smile is given nan, expected a number from -100 to 100"),
        ("smile=-inf", "smile is given -inf"),
        ("3=+100.5", "3 is given 100.5, expected a number from -100 to 100"),
    ],
)
def test_what_is_no_edit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MotionEdit.parse(text)


@pytest.mark.parametrize("text", ["20=0.1", "-1=0.1", "nose=0.1", "Smile=0.1", "²=0.1"])
def test_an_unknown_direction_is_refused_with_the_known_ones(text: str) -> None:
    settings = StreamSettings(motion_edits=(MotionEdit.parse(text),))
    with pytest.raises(ConfigError, match=r"expected a number from 0 to 19, or one of yaw, pitch, smile"):
        settings.window(SPEC)
    with pytest.raises(ConfigError, match=r"expected a number from 0 to 3; this bundle names none"):
        settings.window(TINY_SPEC)


def test_the_same_direction_twice_is_refused_however_it_is_called() -> None:
    with pytest.raises(ConfigError, match="2 is edited twice"):
        MotionEditor(BASIS, SPEC, [MotionEdit("smile", 1), MotionEdit(0, 1), MotionEdit(2, 1)])


def drawn_latents(edits: tuple[MotionEdit, ...], hop: int) -> tuple[np.ndarray, np.ndarray]:
    """What the decoder is given over a stream, and the motion carried into each window."""
    flow = conditioned_field()
    engines = fake_engines(flow=flow)
    avatar = NeuralAvatar(TINY_SPEC, engines, orthonormal(TINY_SPEC))
    portrait = avatar.prepare(np.full((40, 40, 3), 90, np.uint8), crop=False)
    stream = avatar.start(portrait, StreamSettings(hop, 4, motion_edits=edits))
    num_frames = sum(1 for chunk in noise_chunks(60) for _ in stream.push(chunk)) + sum(1 for _ in stream.flush())
    assert num_frames == 60
    decoder = engines.frame_decoder
    motion = np.concatenate([np.asarray(call["motion_latent"], np.float32) for call in decoder.calls])  # type: ignore[attr-defined]
    return motion, np.stack([np.asarray(call["carried_motion"]) for call in flow.calls])


@pytest.mark.parametrize("hop", [1, 5, 16])
def test_over_a_stream_an_edit_neither_grows_nor_reaches_what_is_drawn_next(hop: int) -> None:
    plain, plain_carried = drawn_latents((), hop)
    edited, carried = drawn_latents((MotionEdit(1, 0.5), MotionEdit(3, 0.25, is_held=True)), hop)
    np.testing.assert_array_equal(carried, plain_carried)
    basis = orthonormal(TINY_SPEC)
    expected = plain @ basis
    expected[:, 1] += 0.5
    expected[:, 3] = 0.25
    scale = max(1.0, float(np.abs(plain).max()))
    np.testing.assert_allclose(edited @ basis, expected, atol=1e-5 * scale)


def test_a_bundle_without_a_basis_says_what_to_do() -> None:
    avatar = NeuralAvatar(TINY_SPEC, fake_engines())
    portrait = avatar.prepare(np.full((40, 40, 3), 90, np.uint8), crop=False)
    with pytest.raises(ConfigError, match=re.escape("expected one that was exported or imported again")):
        avatar.start(portrait, StreamSettings(motion_edits=(MotionEdit(0, 1.0),)))
