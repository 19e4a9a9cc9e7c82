"""A YuNet face detector from a file of the caller's own: surer than cascades, and it sees eyes, nose and mouth."""

from math import atan2, cos, degrees, sin
from pathlib import Path

import cv2
import numpy as np

from contract.errors import ConfigError
from contract.packets import Float32Array, UInt8Array
from pipeline.found_face import FoundFace, View

LONGER_SIDE_PX = 640
LOWEST_SCORE = 0.6
CERTAIN_SCORE = 0.8
_OVERLAP = 0.3
_MOST_FACES = 50
# The nose's distance from between the eyes, in eye distances: about 0.58 x tan(turn), so 23 and 54 degrees.
TURNED_AT = 0.25
FROM_SIDE_AT = 0.8


class YunetDetector:
    """Finds faces with OpenCV's FaceDetectorYN."""

    def __init__(self, model: Path) -> None:
        """Raises ConfigError where the file is not there or no YuNet model."""
        if not model.is_file():
            raise ConfigError(f"face model {model} is {'a folder' if model.is_dir() else 'not there'}, expected a file")
        self._model = model
        # What is no YuNet model may load and fail at its first picture only.
        self._detect(np.zeros((64, 64, 3), np.uint8))

    def find(self, picture: UInt8Array) -> list[FoundFace]:
        """All upright faces of a picture [height, width, 3] uint8 RGB, the largest first."""
        scale = LONGER_SIDE_PX / max(picture.shape[:2])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        faces = [_face(row, scale) for row in self._detect(small[..., ::-1].astype(np.uint8))]
        return sorted((face for face in faces if abs(face.tilt_deg) < 60), key=lambda face: -face.side_px)

    def _detect(self, picture: UInt8Array) -> Float32Array:
        """Rows [faces, 15]: box, five points, score. picture: [height, width, 3] uint8 BGR."""
        height_px, width_px = picture.shape[:2]
        try:
            # Made anew for each picture: it keeps scratch space and is not for two threads at once.
            detector = cv2.FaceDetectorYN.create(
                str(self._model), "", (width_px, height_px), LOWEST_SCORE, _OVERLAP, _MOST_FACES
            )
            _, rows = detector.detect(np.ascontiguousarray(picture))
        except cv2.error as error:
            raise ConfigError(f"face model {self._model} can't be used, expected a YuNet ONNX file: {error}") from error
        found = np.zeros((0, 15), np.float32) if rows is None else rows.astype(np.float32)
        return found[np.isfinite(found).all(axis=1)]


def _face(row: Float32Array, scale: float) -> FoundFace:
    left, top, width, height = (float(value) / scale for value in row[:4])
    # Points come in the person's order: right eye, left eye, nose, corners of the mouth.
    one, other, nose = row[4:10].reshape(3, 2)
    across = other - one
    tilt = atan2(float(across[1]), float(across[0]))
    offset = nose - (one + other) / 2
    aside = float(offset[0]) * cos(tilt) + float(offset[1]) * sin(tilt)
    turn = abs(aside) / max(1.0, float(np.hypot(*across)))
    view: View = "side" if turn >= FROM_SIDE_AT else "turned" if turn >= TURNED_AT else "frontal"
    return FoundFace(left, top, left + width, top + height, view, degrees(tilt), float(row[14]) >= CERTAIN_SCORE)
