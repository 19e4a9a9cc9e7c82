"""A picture is painted only where motion leaves what pictures at hand can show; it spares most of an idle face's work.

In: `MotionFrame`. Out: `AvatarFrame`, the same indexes in the same order, each with its own sound. Nothing waits here;
but a frame may be begun before the one before it is finished (`begin`).

    within STILL_PX of the last picture painted    that picture again, the same array
    nobody speaks, and the motion to come is known the furthest frame is painted that a straight line leads to, and the
                                                   frames on the way are mixed of the two pictures at its ends
    else                                           the frame is painted

The line starts at a picture that was painted, never at one that was left out, so nothing adds up. Sending the last
picture again would not do for all of silence: a head sways by some tenths of a pixel a frame, and held until it has
moved far enough to be worth painting it would go in steps. Two pictures at most SPAN_PX apart, mixed, lie between.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from contract.packets import AvatarFrame, Float32Array, MotionFrame, SpeechChunk, UInt8Array
from pipeline.frame_renderer import FrameRenderer, Picture
from pipeline.motion_distance import MotionDistance

# In pixels of a picture of 256 x 256 (`pipeline.motion_distance`).
STILL_PX = 0.1
LINE_PX = 0.5  # how far from the line the frames on the way may lie
SPAN_PX = 2.0  # how long it may be: of two pictures further apart one sees both
SPAN_FRAMES = 12
# Frames promised and frames given may differ by what arithmetic in another order rounds differently.
SAME_PX = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class _Painted:
    """motion_latent: [latent_dim] float32."""

    motion_latent: Float32Array
    picture: Picture


@dataclass(frozen=True, slots=True, eq=False)
class _Mixed:
    """Two pictures as one; share: of the other."""

    one: Picture
    other: Picture
    share: float

    @property
    def image(self) -> UInt8Array:
        """The two, mixed."""
        return mixed(self.one.image, self.other.image, self.share)


@dataclass(frozen=True, slots=True, eq=False)
class BegunFrame:
    """A frame whose picture may not be there yet."""

    chunk: SpeechChunk
    picture: Picture

    def finish(self) -> AvatarFrame:
        """The frame; waits for its picture."""
        return AvatarFrame(self.chunk, self.picture.image)


class StillFrames:
    """The pictures of one stream, painted where that is needed."""

    def __init__(self, renderer: FrameRenderer, distance: MotionDistance | None) -> None:
        """distance: None, where what a bundle's motion means is unknown, paints every frame."""
        self._renderer = renderer
        self._distance = distance
        self.reset()

    def reset(self) -> None:
        """Know no picture: the next frame is painted."""
        self._last: _Painted | None = None
        self._ahead: _Painted | None = None
        self._promised: deque[Float32Array] = deque()
        self._num_steps = 1

    @property
    def frames_at_once(self) -> int:
        """How many may be begun before the first of them is finished, and gain by it."""
        return self._renderer.frames_at_once

    def push(self, frame: MotionFrame) -> AvatarFrame:
        """Give the picture of one frame."""
        return self.begin(frame).finish()

    def begin(self, frame: MotionFrame) -> BegunFrame:
        """Begin the picture of one frame; frames are finished in any order, or never."""
        return BegunFrame(frame.chunk, self._picture(frame))

    def _picture(self, frame: MotionFrame) -> Picture:
        distance, latent = self._distance, frame.motion_latent
        if distance is None:
            return self._renderer.begin(latent)
        if self._promised and distance.px(self._promised[0], latent) > SAME_PX:
            # What is shown stands between two pictures, and is neither: the next is painted whatever it is.
            self.reset()
        if self._promised:
            return self._step()
        if self._last is not None:
            if distance.px(self._last.motion_latent, latent) <= STILL_PX:
                return self._last.picture
            if frame.following is not None:
                num_following = line_frames(distance, self._last.motion_latent, latent, frame.following)
                if num_following:
                    way = [latent, *frame.following[:num_following]]
                    self._ahead = _Painted(way[-1], self._renderer.begin(way[-1]))
                    self._promised.extend(way)
                    self._num_steps = len(way)
                    return self._step()
        self._last = _Painted(latent, self._renderer.begin(latent))
        return self._last.picture

    def _step(self) -> Picture:
        """The next frame on the way from the last picture to the one ahead."""
        assert self._last is not None and self._ahead is not None, "a way leads from a picture to a picture"
        self._promised.popleft()
        if self._promised:
            return _Mixed(self._last.picture, self._ahead.picture, 1 - len(self._promised) / self._num_steps)
        self._last, self._ahead = self._ahead, None
        return self._last.picture


def line_frames(distance: MotionDistance, last: Float32Array, latent: Float32Array, following: Float32Array) -> int:
    """How many frames further a straight line can lead that comes near this and all frames on the way; 0 for none.

    last: [latent_dim] float32, motion of the picture that the line starts from
    latent: [latent_dim] float32, motion of the frame after it
    following: [frames, latent_dim] float32, motion of those after that
    """
    points = distance.coordinates(np.stack([latent, *following[: SPAN_FRAMES - 1]]) - last)
    furthest = 0
    for i in range(1, len(points)):
        if np.linalg.norm(points[i]) > SPAN_PX:
            break
        shares = (np.arange(1, i + 1) / (i + 1))[:, None]
        if np.linalg.norm(points[:i] - shares * points[i], axis=1).max() <= LINE_PX:
            furthest = i
    return furthest


def mixed(image: UInt8Array, other: UInt8Array, share: float) -> UInt8Array:
    """Two pictures as one. image, other: [height, width, 3] uint8; share: of the other, 0 to 1."""
    weight = np.uint16(round(256 * share))
    levels = image * (np.uint16(256) - weight)
    levels += other * weight
    levels += np.uint16(128)
    levels >>= np.uint16(8)
    return levels.astype(np.uint8)
