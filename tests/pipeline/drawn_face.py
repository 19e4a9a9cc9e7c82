"""A frontal face drawn with a few ellipses, plain enough to be ours and face enough to be found."""

import cv2
import numpy as np

from contract.packets import UInt8Array

_SKIN, _HAIR, _DARK, _LIPS = (225, 180, 150), (60, 40, 30), (70, 45, 35), (160, 70, 70)
# (x, y, half width, half height, colour), in hundredths of the face's radius about its centre, painted in this order
_PARTS = (
    (0, -10, 85, 112, _HAIR),
    (0, 10, 72, 98, _SKIN),
    *(
        part
        for side in (-1, 1)
        for part in (
            (side * 30, -22, 17, 9, (120, 80, 65)),
            (side * 30, -20, 14, 7, (240, 240, 240)),
            (side * 30, -20, 7, 7, (40, 30, 25)),
            (side * 30, -42, 19, 4, _DARK),
            (side * 8, 30, 4, 3, (150, 100, 85)),
        )
    ),
    (0, 15, 9, 18, (240, 200, 170)),
    (0, 58, 26, 8, _LIPS),
    (0, 57, 22, 2, _DARK),
)


def draw_faces(height_px: int, width_px: int, *faces: tuple[int, int, int]) -> UInt8Array:
    """A grey picture [height, width, 3] uint8 with faces, each given as (centre x, centre y, radius) px."""
    picture = np.full((height_px, width_px, 3), (120, 140, 150), np.uint8)
    for x, y, radius in faces:
        for dx, dy, half_width, half_height, colour in _PARTS:
            centre = (x + dx * radius // 100, y + dy * radius // 100)
            axes = (max(1, half_width * radius // 100), max(1, half_height * radius // 100))
            cv2.ellipse(picture, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.uint8)
