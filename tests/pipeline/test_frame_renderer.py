"""Decoded frames become 8 bits as they should, and the renderer passes sound through untouched."""

import numpy as np

from contract.packets import MotionFrame
from pipeline.frame_renderer import FrameRenderer, to_picture
from tests.fakes import TINY_SPEC, FakeEngine, motion_painter, silent_chunk


def test_levels_are_rounded_and_overshoot_is_clipped() -> None:
    values = np.array([-5, -1, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 0, 1 - 0.6 / 127.5, 1, 2.14], np.float32)
    picture = to_picture(np.broadcast_to(values, (3, 2, 8)))
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 8, 3)
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(picture[1, :, 2], [0, 0, 0, 1, 128, 254, 255, 255])


def test_it_agrees_with_the_plain_formula() -> None:
    frame = np.random.default_rng(0).normal(0, 0.7, (3, 32, 32)).astype(np.float32)
    plain = np.floor(np.clip((frame.astype(float) + 1) * 127.5, 0, 255) + 0.5).transpose(1, 2, 0)
    assert np.abs(to_picture(frame) - plain).max() <= 1
    assert (to_picture(frame) == plain).mean() > 0.999


def test_the_frame_given_is_not_written_to() -> None:
    frame = np.ones((3, 4, 4), np.float32)
    to_picture(frame)
    assert (frame == 1).all()


def test_channels_are_red_green_blue() -> None:
    frame = np.stack([np.full((4, 4), level, np.float32) for level in (1, 0, -1)])
    np.testing.assert_array_equal(to_picture(frame)[0, 0], (255, 128, 0))


def test_each_frame_is_painted_from_its_motion_and_keeps_its_chunk() -> None:
    portrait = {
        tensor.name: np.zeros([size or 1 for size in tensor.shape], np.float32)
        for tensor in TINY_SPEC.signature("frame_decoder").inputs
        if tensor.name != "motion_latent"
    }
    engine: FakeEngine = motion_painter()
    renderer = FrameRenderer(engine.bind(**portrait))
    latent = np.linspace(-3, 3, TINY_SPEC.latent_dim).astype(np.float32)
    chunk = silent_chunk(7)
    frame = renderer.push(MotionFrame(chunk, latent))
    assert frame.index == 7
    assert frame.chunk is chunk
    expected = np.round((np.tanh(latent / 4) + 1) * 127.5)
    assert np.abs(frame.image[0, : len(latent), 0] - expected).max() <= 1
