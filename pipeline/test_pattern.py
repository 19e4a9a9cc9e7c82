"""An avatar without networks, for measuring transport: it shows what it hears and which frame it is.

In: `SpeechChunk`. Out: `AvatarFrame` of 256 x 256 px, a fixed number of frames later.

The picture turns white while its chunk of the voice holds a click (a sample beyond a quarter of full scale) and is
dark grey otherwise. Along the bottom run 16 blocks of 16 x 16 px, the frame's index in binary, highest bit at the
left, white for 1: large enough to be read back after video coding.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np

from contract.errors import ConfigError
from contract.packets import AvatarFrame, Float32Array, SpeechChunk, UInt8Array
from contract.spec import AvatarSpec
from pipeline.avatar import StreamSettings
from pipeline.expression import AvatarControls, Expression
from pipeline.frame_history import FrameHistory
from pipeline.portrait import Portrait

SIDE_PX = 256
BLOCK_PX = 16
NUM_BITS = SIDE_PX // BLOCK_PX
CLICK_LEVEL = 8192  # a quarter of full scale
FLASH_GREY = 255
REST_GREY = 32


def holds_click(chunk: SpeechChunk) -> bool:
    """True where a sample of the voice is beyond a quarter of full scale."""
    return bool(np.abs(chunk.voice.astype(np.int32)).max() > CLICK_LEVEL)


def draw_pattern(index: int, flash: bool) -> UInt8Array:
    """The picture of one frame, [256, 256, 3] uint8; only the low 16 bits of the index are shown."""
    image = np.full((SIDE_PX, SIDE_PX, 3), FLASH_GREY if flash else REST_GREY, np.uint8)
    bits = (index >> np.arange(NUM_BITS - 1, -1, -1)) & 1
    image[-BLOCK_PX:] = np.repeat(bits * 255, BLOCK_PX).astype(np.uint8)[None, :, None]
    return image


def read_counter(image: UInt8Array) -> int:
    """The low 16 bits of the index, read from a pattern of any size, also after lossy coding.

    image: [height, width, 3] uint8
    """
    height_px, width_px = image.shape[:2]
    row = round((SIDE_PX - BLOCK_PX / 2) * height_px / SIDE_PX)
    reach_px = max(1, height_px // 128)
    value = 0
    for bit in range(NUM_BITS):
        column = round((bit + 0.5) * width_px / NUM_BITS)
        block = image[row - reach_px : row + reach_px, column - reach_px : column + reach_px]
        value = 2 * value + int(block.mean() > 127)
    return value


def shows_flash(image: UInt8Array) -> bool:
    """True where the picture's upper half is white. image: [height, width, 3] uint8."""
    return bool(image[: image.shape[0] // 2].mean() > 127)


class TestPatternAvatar:
    """The measuring avatar; any picture will do as its portrait."""

    __test__ = False  # its name begins as those of test classes do

    def __init__(self, delay_frames: int = 8) -> None:
        """delay_frames: how many later chunks each frame waits for; raises ConfigError below 0."""
        if delay_frames < 0:
            raise ConfigError(f"delay_frames {delay_frames}, expected at least 0")
        self._delay_frames = delay_frames
        self.spec = AvatarSpec(
            image_size_px=SIDE_PX,
            latent_dim=1,
            num_motion_directions=1,
            audio_feature_dim=1,
            pyramid_channels=(1,) * 6,
        )

    @property
    def controls(self) -> AvatarControls:
        """A pattern has no face to direct."""
        return AvatarControls()

    def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
        """A portrait of nothing: the picture is not looked at."""
        nothing = np.zeros((1, 1), np.float32)
        return Portrait(identity_latent=nothing, reference_motion=nothing, feature_pyramid={})

    def start(
        self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None
    ) -> "TestPatternStream":
        """Begin a stream; a clip known beforehand changes nothing."""
        return TestPatternStream(self._delay_frames)

    def close(self) -> None:
        """Nothing is held."""


class TestPatternStream:
    """One stream of the pattern."""

    __test__ = False

    def __init__(self, delay_frames: int) -> None:
        self.delay_frames = delay_frames
        self._waiting: deque[SpeechChunk] = deque()
        self._heard: FrameHistory[SpeechChunk] = FrameHistory()

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        """Take one chunk; give the frame of the chunk `delay_frames` before it."""
        self._waiting.append(chunk)
        self._heard.add(chunk.index, chunk)
        return self._draw(max(0, len(self._waiting) - self.delay_frames))

    def flush(self) -> Iterator[AvatarFrame]:
        """Every frame that still waits."""
        return self._draw(len(self._waiting))

    def reset(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._heard.clear()

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        """Go back to where this frame was the last one; gives the later chunks."""
        # What waits was not given yet, so it is later.
        self._waiting.clear()
        return self._heard.take_back(last_index)

    def direct(self, expression: Expression) -> None:
        """Nothing of it can be shown; raises ConfigError where motion is to be edited, as a bundle without basis."""
        if expression.motion_edits:
            raise ConfigError(f"{len(expression.motion_edits)} motion edits, expected none: the pattern has no motion")

    def _draw(self, num_frames: int) -> Iterator[AvatarFrame]:
        chunks = [self._waiting.popleft() for _ in range(num_frames)]
        return (AvatarFrame(chunk, draw_pattern(chunk.index, holds_click(chunk))) for chunk in chunks)
