"""The parts of a frame that readers look at: at fixed places of the face, wherever its portrait was cropped.

In: a frame [side, side, 3] uint8 of any size, and how the face lies in it. Out: crops of their own sizes.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from contract.packets import UInt8Array
from training.painter import Identity

FRAME_PX = 256


@dataclass(frozen=True)
class Framing:
    """How a face lies in its pictures.

    x, y: where the face's middle is, as shares of the side
    zoom: size of the face against that in which the cast is painted
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0

    @classmethod
    def of(cls, identity: Identity) -> "Framing":
        """The crop that a painted person has in every motion."""
        return cls(0.5 + identity.shift_x, 0.5 + identity.shift_y, identity.zoom)


@dataclass(frozen=True)
class Crop:
    """A box in a framed face of 256 x 256 pixels, and the size that it is brought to (width, height)."""

    left: int
    top: int
    right: int
    bottom: int
    size: tuple[int, int]

    def of(self, face: UInt8Array) -> UInt8Array:
        """The crop of one framed face [256, 256, 3]: [height, width, 3] uint8."""
        part = face[self.top : self.bottom, self.left : self.right]
        if (part.shape[1], part.shape[0]) == self.size:
            return np.ascontiguousarray(part)
        return cv2.resize(part, self.size, interpolation=cv2.INTER_AREA).astype(np.uint8)


# Without resizing: between lips that are nearly closed a pixel counts.
MOUTH = Crop(72, 128, 184, 240, (112, 112))
EYES = Crop(40, 68, 216, 148, (120, 56))
# The face alone: who stands before the same backdrop is not the same person.
FACE = Crop(66, 54, 190, 214, (56, 72))
CROPS = {"mouth": MOUTH, "eyes": EYES, "face": FACE}


def framed(frame: UInt8Array, framing: Framing) -> UInt8Array:
    """The face in the middle of a picture of 256 x 256 pixels, in the size of the cast's: [256, 256, 3] uint8."""
    side = frame.shape[0]
    if side == FRAME_PX and framing == Framing():
        return frame
    scale = framing.zoom * side / FRAME_PX
    # Of pixels' middles: where each pixel of the result lies in the frame.
    shift_x, shift_y = (share * side - 0.5 + scale * (0.5 - FRAME_PX / 2) for share in (framing.x, framing.y))
    places = np.array([[scale, 0, shift_x], [0, scale, shift_y]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(frame, places, (FRAME_PX, FRAME_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def crops_of(frame: UInt8Array, framing: Framing) -> dict[str, UInt8Array]:
    """All crops of one frame, by name."""
    face = framed(frame, framing)
    return {name: crop.of(face) for name, crop in CROPS.items()}
