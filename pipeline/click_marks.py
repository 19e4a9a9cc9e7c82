"""An avatar whose pictures say which of them holds a click, for measuring a call from the sound to the eye.

In and out: as the avatar within, with all of its work. The upper left sixteenth of a picture is white while its chunk
of the voice holds a click (a sample beyond a quarter of full scale) and dark grey otherwise: large enough to be read
after video coding, and the same place at which the test pattern flashes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from contract.packets import AvatarFrame, Float32Array, Int16Array, SpeechChunk, UInt8Array
from contract.spec import AvatarSpec
from pipeline.avatar import Avatar, AvatarStream, StreamSettings
from pipeline.expression import AvatarControls, Expression
from pipeline.portrait import Portrait
from pipeline.test_pattern import CLICK_LEVEL, FLASH_GREY, REST_GREY

MARK_SHARE = 4


def click_samples(voice: Int16Array) -> int | None:
    """Samples of a chunk's voice before its click; None where it holds none. voice: [1920] int16."""
    loud = np.flatnonzero(np.abs(voice.astype(np.int32)) > CLICK_LEVEL)
    return int(loud[0]) if len(loud) else None


def marked(image: UInt8Array, is_click: bool) -> UInt8Array:
    """A picture with its mark. image: [height, width, 3] uint8."""
    copy = image.copy()
    copy[: image.shape[0] // MARK_SHARE, : image.shape[1] // MARK_SHARE] = FLASH_GREY if is_click else REST_GREY
    return copy


@dataclass(frozen=True, slots=True)
class MarkedAvatar:
    """The avatar within, marked."""

    avatar: Avatar

    @property
    def spec(self) -> AvatarSpec:
        """Sizes and defaults."""
        return self.avatar.spec

    @property
    def controls(self) -> AvatarControls:
        """What its streams can be asked for."""
        return self.avatar.controls

    def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
        """Make a portrait of a picture [height, width, 3] uint8, RGB; raises PortraitError."""
        return self.avatar.prepare(picture, crop)

    def start(self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None) -> "MarkedStream":
        """Begin a stream; raises ConfigError where the settings do not fit the model."""
        return MarkedStream(self.avatar.start(portrait, settings, clip))

    def close(self) -> None:
        """Release what the avatar holds."""
        self.avatar.close()


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A picture as it came and as it was given."""

    image: UInt8Array
    is_click: bool
    given: UInt8Array


class MarkedStream:
    """The stream within, marked."""

    def __init__(self, stream: AvatarStream) -> None:
        self.stream = stream
        self._before: Marked | None = None

    @property
    def delay_frames(self) -> int:
        """How many later chunks must be pushed, at worst, before the frame of a chunk can come out."""
        return self.stream.delay_frames

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        """Take the next chunk; the frames now possible are rendered as the caller iterates, always to the end."""
        # The stream draws in the call and paints while it is iterated: so it stays.
        return self._mark(self.stream.push(chunk, num_waiting))

    def flush(self) -> Iterator[AvatarFrame]:
        """Every frame that is still inside, as if silence followed."""
        return self._mark(self.stream.flush())

    def reset(self) -> None:
        """Forget everything that was pushed."""
        self.stream.reset()

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        """Go back to where this frame was the last one; gives the later chunks."""
        return self.stream.rewind(last_index)

    def direct(self, expression: Expression) -> None:
        """Change what is asked of the face; raises ConfigError, and changes nothing, where it can't be had."""
        self.stream.direct(expression)

    def _mark(self, frames: Iterator[AvatarFrame]) -> Iterator[AvatarFrame]:
        for frame in frames:
            is_click = click_samples(frame.chunk.voice) is not None
            image, before = frame.image, self._before
            # A picture that comes again is the same array, which spares what comes after its work: so it stays.
            if before is None or before.image is not image or before.is_click != is_click:
                before = self._before = Marked(image, is_click, marked(image, is_click))
            yield AvatarFrame(frame.chunk, before.given)
