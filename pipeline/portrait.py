"""A picture becomes a portrait: found, cut out, and split once into identity, motion and feature maps.

In: an RGB picture of one person. Out: `Portrait`, what the rest of the pipeline needs of it.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades

from contract.errors import PortraitError
from contract.packets import Float32Array, UInt8Array
from contract.spec import AvatarSpec
from engines.base import Engine

DETECTION_HEIGHT_PX = 360
HALF_SIZE_FACTOR = 1.6
SMALLEST_FACE_PX = 40
SMALLEST_PICTURE_PX = 32
LARGEST_SIDE_PX = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """What the networks read from a portrait, a batch of one throughout.

    identity_latent: [1, latent_dim] float32
    reference_motion: [1, latent_dim] float32, the motion latent of the picture itself
    feature_pyramid: the decoder's `feature_0` ... by name, each [1, channels, side, side] float32
    """

    identity_latent: Float32Array
    reference_motion: Float32Array
    feature_pyramid: dict[str, Float32Array]


def encode_portrait(engine: Engine, spec: AvatarSpec, picture: UInt8Array, crop: bool = True) -> Portrait:
    """Prepare a picture and run the portrait encoder once.

    picture: [height, width, 3] uint8, RGB
    crop: find the face and cut the square about it; without it the middle square of the picture is taken as it is
    Raises PortraitError where the picture is no RGB picture, too small, or holds no face to be found.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise PortraitError(f"picture is {picture.dtype} {list(picture.shape)}, expected uint8 [height, width, 3] RGB")
    if min(picture.shape[:2]) < SMALLEST_PICTURE_PX:
        raise PortraitError(
            f"picture is {picture.shape[1]} x {picture.shape[0]} px, expected at least {SMALLEST_PICTURE_PX} px a side"
        )
    picture = _bounded(picture)
    square = crop_about_face(picture, find_face(picture)) if crop else middle_square(picture)
    square = resize_square(square, spec.image_size_px)
    image = np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32)
    outputs = engine.run(image=(image / np.float32(255) - np.float32(0.5)) / np.float32(0.5))
    pyramid = {f"feature_{i}": outputs[f"feature_{i}"].astype(np.float32) for i in range(spec.num_levels)}
    return Portrait(
        identity_latent=outputs["identity_latent"].astype(np.float32),
        reference_motion=outputs["reference_motion"].astype(np.float32),
        feature_pyramid=pyramid,
    )


def find_face(picture: UInt8Array) -> tuple[float, float, float, float]:
    """The largest frontal face as (left, top, right, bottom) px; raises PortraitError where there is none.

    picture: [height, width, 3] uint8, RGB
    """
    height_px, width_px = picture.shape[:2]
    scale = DETECTION_HEIGHT_PX / height_px
    small_size = (max(1, round(width_px * scale)), DETECTION_HEIGHT_PX)
    small = cv2.resize(picture, small_size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    smallest = (SMALLEST_FACE_PX, SMALLEST_FACE_PX)
    boxes = _face_detector().detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=smallest)
    if len(boxes) == 0:
        raise PortraitError(
            f"no frontal face was found in the picture of {width_px} x {height_px} px: expected one face that looks "
            "at the camera; if the picture is a cropped portrait already, use it as it is (--no-crop)"
        )
    left, top, width, height = (float(v) / scale for v in max(boxes, key=lambda box: int(box[2]) * int(box[3])))
    return left, top, left + width, top + height


def crop_about_face(picture: UInt8Array, box: tuple[float, float, float, float]) -> UInt8Array:
    """The square of half-size 1.6 x the larger half side of the box about its centre, black outside the picture.

    picture: [height, width, 3] uint8
    box: left, top, right, bottom px
    """
    left, top, right, bottom = box
    half_px = max(1, round(HALF_SIZE_FACTOR * max(right - left, bottom - top) / 2))
    x, y = round((left + right) / 2) - half_px, round((top + bottom) / 2) - half_px
    height_px, width_px = picture.shape[:2]
    square = np.zeros((2 * half_px, 2 * half_px, 3), np.uint8)
    x0, x1 = max(0, x), min(width_px, x + 2 * half_px)
    y0, y1 = max(0, y), min(height_px, y + 2 * half_px)
    square[y0 - y : y1 - y, x0 - x : x1 - x] = picture[y0:y1, x0:x1]
    return square


def middle_square(picture: UInt8Array) -> UInt8Array:
    """The largest square about the picture's centre.

    picture: [height, width, 3] uint8
    """
    height_px, width_px = picture.shape[:2]
    side_px = min(height_px, width_px)
    y, x = (height_px - side_px) // 2, (width_px - side_px) // 2
    return picture[y : y + side_px, x : x + side_px]


def resize_square(square: UInt8Array, side_px: int) -> UInt8Array:
    """The square at another size, by area when it shrinks and by cubic interpolation when it grows.

    square: [side, side, 3] uint8
    """
    if square.shape[0] == side_px:
        return square
    interpolation = cv2.INTER_AREA if square.shape[0] > side_px else cv2.INTER_CUBIC
    return cv2.resize(square, (side_px, side_px), interpolation=interpolation).astype(np.uint8)


def _bounded(picture: UInt8Array) -> UInt8Array:
    """The picture with its longer side at most LARGEST_SIDE_PX, so that what follows stays cheap."""
    height_px, width_px = picture.shape[:2]
    scale = LARGEST_SIDE_PX / max(height_px, width_px)
    if scale >= 1:
        return picture
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


@cache
def _face_detector() -> cv2.CascadeClassifier:
    path = Path(haarcascades) / "haarcascade_frontalface_default.xml"
    detector = cv2.CascadeClassifier(str(path))
    assert not detector.empty(), f"OpenCV could not read its face cascade at {path}"
    return detector
