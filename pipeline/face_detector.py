"""Detectors of faces in a picture, and which one is opened.

In: an RGB picture. Out: `FoundFace`, the largest first.
"""

from pathlib import Path
from typing import Protocol

from contract.packets import UInt8Array
from pipeline.found_face import FoundFace


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
