"""Marked pictures: the frame whose voice holds a click is white in its corner, all else is as it was."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from contract.packets import VOICE_SAMPLES_PER_FRAME, AvatarFrame, SpeechChunk
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.click_marks import MarkedAvatar, MarkedStream, click_samples
from tests.fakes import TINY_SPEC, fake_engines, silent_chunk

PICTURE = np.full((32, 32, 3), 120, np.uint8)


def clicking(index: int, at: int) -> SpeechChunk:
    voice = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
    voice[at : at + 40] = -20_000
    return replace(silent_chunk(index), voice=voice)


def test_the_place_of_a_click_is_told() -> None:
    assert click_samples(clicking(0, 77).voice) == 77
    assert click_samples(silent_chunk(0).voice) is None


def test_a_mark_is_white_with_a_click_and_dark_without_and_hides_nothing_else() -> None:
    plain, marked = (NeuralAvatar(TINY_SPEC, fake_engines()) for _ in range(2))
    shown = MarkedAvatar(marked)
    portrait = shown.prepare(PICTURE, crop=False)
    streams = [avatar.start(portrait, StreamSettings(hop_frames=4)) for avatar in (plain, shown)]
    assert streams[0].delay_frames == streams[1].delay_frames and shown.spec is TINY_SPEC
    chunks = [clicking(i, 10) if i == 6 else silent_chunk(i) for i in range(12)]
    pairs = []
    for chunk in chunks:
        pairs += list(zip(*(stream.push(chunk) for stream in streams), strict=True))
    pairs += list(zip(*(stream.flush() for stream in streams), strict=True))
    assert [frame.index for _, frame in pairs] == list(range(12))
    for before, frame in pairs:
        assert (frame.image[:4, :4] == (255 if frame.index == 6 else 32)).all()
        np.testing.assert_array_equal(frame.image[4:], before.image[4:])
        np.testing.assert_array_equal(frame.image[:, 4:], before.image[:, 4:])


def test_a_picture_that_comes_again_is_the_same_array_again() -> None:
    image = np.full((16, 16, 3), 90, np.uint8)

    class Still:
        """A stream whose picture never changes."""

        delay_frames = 0

        def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
            return iter([AvatarFrame(chunk, image)])

    stream = MarkedStream(Still())  # type: ignore[arg-type]
    chunks = [silent_chunk(0), silent_chunk(1), clicking(2, 0), silent_chunk(3)]
    first, second, click, last = [frame.image for chunk in chunks for frame in stream.push(chunk)]
    assert first is second and click is not second and (click[0, 0] == 255).all() and (last == first).all()
    assert (image == 90).all()
