"""A face in a picture, as any detector tells of it."""

from dataclasses import dataclass
from typing import Literal

View = Literal["frontal", "turned", "side"]


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face.

    left, top, right, bottom: the box about it, px of the picture, from the brow to the chin
    view: how it looks at the camera; "turned" is still usable, "side" shows one eye only
    tilt_deg: of the head, clockwise in the picture, as far as the detector tells
    is_certain: False where it may be something else that looks like a face
    """

    left: float
    top: float
    right: float
    bottom: float
    view: View = "frontal"
    tilt_deg: float = 0.0
    is_certain: bool = True

    @property
    def side_px(self) -> float:
        """The longer side of the box."""
        return max(self.right - self.left, self.bottom - self.top)
