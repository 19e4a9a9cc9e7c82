"""The measuring avatar says which frame it shows and flashes on the right one, also after a smaller copy."""

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.packets import SpeechChunk
from pipeline.avatar import Avatar, AvatarStream, StreamSettings
from pipeline.expression import AvatarControls, Expression
from pipeline.motion_editor import MotionEdit
from pipeline.test_pattern import TestPatternAvatar, draw_pattern, read_counter, shows_flash
from tests.fakes import silent_chunk

PICTURE = np.zeros((8, 8, 3), np.uint8)


def click(index: int, level: int) -> SpeechChunk:
    chunk = silent_chunk(index)
    voice = chunk.voice.copy()
    voice[700] = level
    return SpeechChunk(index, chunk.pcm, voice)


def open_stream(delay_frames: int) -> AvatarStream:
    avatar: Avatar = TestPatternAvatar(delay_frames)
    return avatar.start(avatar.prepare(PICTURE), StreamSettings())


@pytest.mark.parametrize("delay_frames", [0, 1, 9])
def test_frames_come_out_in_order_after_the_delay(delay_frames: int) -> None:
    stream = open_stream(delay_frames)
    assert stream.delay_frames == delay_frames
    waits = [(i - frame.index) for i in range(30) for frame in stream.push(silent_chunk(i))]
    assert waits == [delay_frames] * (30 - delay_frames)
    assert [frame.index for frame in stream.flush()] == list(range(30 - delay_frames, 30))


@pytest.mark.parametrize("level", [9000, -32768, 32767])
def test_it_flashes_on_a_click_and_only_then(level: int) -> None:
    stream = open_stream(3)
    frames = [f for i in range(20) for f in stream.push(click(i, level) if i in (7, 12) else click(i, 8000))]
    frames += stream.flush()
    assert [frame.index for frame in frames if shows_flash(frame.image)] == [7, 12]


@pytest.mark.parametrize("flash", [False, True])
@pytest.mark.parametrize("index", [0, 1, 2, 0x5555, 0xAAAA, 40_000, 65_535])
def test_the_counter_is_read_back(index: int, flash: bool) -> None:
    image = draw_pattern(index, flash)
    assert image.shape == (256, 256, 3)
    assert read_counter(image) == index
    assert shows_flash(image) is flash
    assert read_counter(image[::2, ::2]) == index
    sharp = image.astype(np.float64)
    noisy = (sharp + np.roll(sharp, 3, 0) + np.roll(sharp, -3, 1)) / 3
    noisy += np.random.default_rng(0).normal(0, 20, image.shape)
    assert read_counter(noisy.clip(0, 255).astype(np.uint8)) == index


def test_the_counter_starts_again_after_16_bits() -> None:
    assert read_counter(draw_pattern(65_536 + 3, False)) == 3


def test_reset_drops_what_waits() -> None:
    stream = open_stream(4)
    for i in range(4):
        assert list(stream.push(silent_chunk(i))) == []
    stream.reset()
    assert list(stream.flush()) == []


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ConfigError, match="delay_frames -1"):
        TestPatternAvatar(-1)


def test_the_pattern_has_no_face_to_direct() -> None:
    stream = open_stream(0)
    assert TestPatternAvatar().controls == AvatarControls()
    stream.direct(Expression("happy"))
    with pytest.raises(ConfigError, match="1 motion edits, expected none"):
        stream.direct(Expression(motion_edits=(MotionEdit(0, 1.0),)))
    (frame,) = stream.push(silent_chunk(0))
    np.testing.assert_array_equal(frame.image, draw_pattern(0, flash=False))
