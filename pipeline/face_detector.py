"""Faces in a picture: what a detector tells of each, and which detector is opened.

In: an RGB picture. Out: `FoundFace`, the largest first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from contract.packets import UInt8Array

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


class FaceDetector(Protocol):
    """Finds faces; shared by all who prepare portraits."""

    def find(self, picture: UInt8Array) -> list[FoundFace]:
        """All upright faces of a picture [height, width, 3] uint8 RGB, the largest first."""
        ...


def open_face_detector(model: Path | None = None) -> FaceDetector:
    """The detector inside OpenCV, or a YuNet file of the caller's own; raises ConfigError where that can't be used."""
    if model is None:
        from pipeline.cascade_detector import CascadeDetector

        return CascadeDetector()
    from pipeline.yunet_detector import YunetDetector

    return YunetDetector(model)
