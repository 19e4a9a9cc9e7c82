"""A picture is cut about its face: which face, where the cut lies, and what of it the caller should know.

In: an RGB picture. Out: a square of it, and warnings in words.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from contract.errors import PortraitError
from contract.packets import Float32Array, UInt8Array
from pipeline.face_detector import FaceDetector, open_face_detector
from pipeline.found_face import FoundFace

HALF_SIZE_FACTOR = 1.6
# Of the largest face's side: a second face as large as this makes it unclear whose portrait it is.
ABOUT_EQUAL = 0.8
MOST_TILT_DEG = 15.0
MOST_OUTSIDE = 0.15
LEAST_SHARPNESS = 0.5
MOST_OBLONG = 1.1
HINT_SIDE_PX = 480
# Looks that a network takes at a picture until the square stays where it wants it.
_MOST_LOOKS = 4
_STAYS = 0.01
_FARTHEST_STEP, _LARGEST_STEP = 0.25, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class PortraitCut:
    """A square of a picture.

    square: [side, side, 3] uint8, RGB
    warnings: what makes it less than ideal, a sentence each
    """

    square: UInt8Array
    warnings: tuple[str, ...] = ()


# Of a square picture [side, side, 3] uint8: the square that its face should be cut to, as the distance of the middles
# to the right and down, in sides of the picture, and the log of the side over the picture's.
ReadFraming = Callable[[UInt8Array], Float32Array]


def cut_portrait(
    picture: UInt8Array, detector: FaceDetector, model_side_px: int, read_framing: ReadFraming | None = None
) -> PortraitCut:
    """The square about the picture's face.

    picture: [height, width, 3] uint8, RGB
    model_side_px: the side that it will be brought to
    read_framing: of a network that knows how it wants its faces; a detector's box alone is rough
    Raises PortraitError where there is no face that can be used, or no telling which.
    """
    face, num_faces = choose_face(picture, detector)
    place = Place.about((face.left, face.top, face.right, face.bottom))
    if read_framing is not None:
        place = framed_place(picture, place, read_framing, model_side_px)
    square = cut_place(picture, place, is_extended=read_framing is not None)
    outside = _share_outside(picture, place)
    warnings = [*_of_face(face, num_faces), *_of_size(len(square), model_side_px)]
    if outside > MOST_OUTSIDE:
        warnings.append(
            f"the face is so near the picture's edge that {outside:.0%} of the portrait lie outside: "
            "take a picture with more room about the face, or take it as it is (--no-crop)"
        )
    return PortraitCut(square, tuple(warnings))


def find_face(picture: UInt8Array) -> tuple[float, float, float, float]:
    """The box of the picture's face as (left, top, right, bottom) px, found by the detector inside OpenCV.

    picture: [height, width, 3] uint8, RGB
    Raises PortraitError as `cut_portrait` does.
    """
    face, _ = choose_face(picture, open_face_detector())
    return face.left, face.top, face.right, face.bottom


def choose_face(picture: UInt8Array, detector: FaceDetector) -> tuple[FoundFace, int]:
    """The largest face and the number of all; raises PortraitError where none can be used, or no telling which."""
    faces = detector.find(picture)
    usable = [face for face in faces if face.view != "side"]
    if not usable:
        raise PortraitError(_nothing_usable(picture, detector, is_from_side=bool(faces)))
    face, *others = usable
    if others and others[0].side_px >= ABOUT_EQUAL * face.side_px:
        raise PortraitError(
            f"{len(usable)} faces were found in the picture, the two largest {face.side_px:.0f} and "
            f"{others[0].side_px:.0f} px high: expected one face, or one clearly larger than all others; "
            "cut the picture to one person"
        )
    return face, len(usable)


def take_as_it_is(picture: UInt8Array, model_side_px: int) -> PortraitCut:
    """The picture's middle square. picture: [height, width, 3] uint8, RGB."""
    square = middle_square(picture)
    height_px, width_px = picture.shape[:2]
    warnings = _of_size(len(square), model_side_px)
    if max(height_px, width_px) > MOST_OBLONG * min(height_px, width_px):
        warnings.append(f"of the picture's {width_px} x {height_px} px only the middle square is taken")
    return PortraitCut(square, tuple(warnings))


def crop_about_face(picture: UInt8Array, box: tuple[float, float, float, float]) -> UInt8Array:
    """The square of half-size 1.6 x the larger half side of the box about its centre, black outside the picture.

    picture: [height, width, 3] uint8
    box: left, top, right, bottom px
    """
    return cut_place(picture, Place.about(box))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a square lies in a picture, in whole pixels; parts of it may lie outside."""

    left: int
    top: int
    side: int

    @classmethod
    def about(cls, box: tuple[float, float, float, float]) -> "Place":
        """The square of half-size 1.6 x the larger half side of the box about its centre."""
        left, top, right, bottom = box
        half_px = max(1, round(HALF_SIZE_FACTOR * max(right - left, bottom - top) / 2))
        return cls(round((left + right) / 2) - half_px, round((top + bottom) / 2) - half_px, 2 * half_px)

    def moved(self, right: float, down: float, log_size: float) -> "Place":
        """The square whose middle is so many sides away, with a side exp(log_size) times as long."""
        side = max(2, round(self.side * math.exp(log_size)))
        x, y = self.left + self.side * (0.5 + right), self.top + self.side * (0.5 + down)
        return Place(round(x - side / 2), round(y - side / 2), side)


def framed_place(picture: UInt8Array, place: Place, read_framing: ReadFraming, model_side_px: int) -> Place:
    """The square that a network wants: read from the one at hand, then from what that gave, until it stays."""
    first = place
    for _ in range(_MOST_LOOKS):
        square = resize_square(cut_place(picture, place, is_extended=True), model_side_px)
        right, down, log_size = (float(value) for value in read_framing(square))
        if max(abs(right), abs(down)) > _FARTHEST_STEP or abs(log_size) > _LARGEST_STEP:
            # So far off the detector isn't: it is the reading that errs, on a face unlike those that it knows.
            return first
        place = place.moved(right, down, log_size)
        if abs(math.log(place.side / first.side)) > _LARGEST_STEP:
            # Nor in several steps, which could make a square of any size.
            return first
        if max(abs(right), abs(down), abs(log_size)) < _STAYS:
            break
    return place


def cut_place(picture: UInt8Array, place: Place, *, is_extended: bool = False) -> UInt8Array:
    """The square [side, side, 3] uint8 at a place; outside the picture black, or as its edge goes on.

    picture: [height, width, 3] uint8
    """
    height_px, width_px = picture.shape[:2]
    x0, x1 = min(max(0, place.left), width_px), max(0, min(width_px, place.left + place.side))
    y0, y1 = min(max(0, place.top), height_px), max(0, min(height_px, place.top + place.side))
    if x0 >= x1 or y0 >= y1:
        return np.zeros((place.side, place.side, 3), np.uint8)
    before = (y0 - place.top, x0 - place.left)
    after = (place.top + place.side - y1, place.left + place.side - x1)
    border = ((before[0], after[0]), (before[1], after[1]), (0, 0))
    return np.pad(picture[y0:y1, x0:x1], border, "edge" if is_extended else "constant")


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


def _nothing_usable(picture: UInt8Array, detector: FaceDetector, is_from_side: bool) -> str:
    height_px, width_px = picture.shape[:2]
    size = f"the picture of {width_px} x {height_px} px"
    if is_from_side:
        return f"{size} seems to show a face from the side only: expected one that looks at the camera"
    # What a small copy shows is enough for a hint.
    shrink = min(1.0, HINT_SIDE_PX / max(height_px, width_px))
    small_size = (max(1, round(width_px * shrink)), max(1, round(height_px * shrink)))
    small = cv2.resize(picture, small_size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    for num_quarters, turn in (
        (1, "a quarter turn to the left"),
        (3, "a quarter turn to the right"),
        (2, "half a turn"),
    ):
        turned = np.ascontiguousarray(np.rot90(small, num_quarters))
        if any(face.is_certain and face.view != "side" for face in detector.find(turned)):
            return f"{size} does not stand upright: a face shows after {turn}; turn the picture and try again"
    return (
        f"no face was found in {size}: expected one that looks at the camera; "
        "if the picture is a cropped portrait already, use it as it is (--no-crop)"
    )


def _of_face(face: FoundFace, num_faces: int) -> list[str]:
    warnings = []
    if num_faces > 1:
        warnings.append(f"{num_faces} faces were found, the largest is taken")
    if not face.is_certain:
        x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
        warnings.append(f"what was found at {x:.0f}, {y:.0f} px may be no face: look at the film before you use it")
    if face.view == "turned":
        warnings.append("the head seems turned aside: a face that looks straight at the camera moves best")
    if abs(face.tilt_deg) > MOST_TILT_DEG:
        warnings.append(f"the head is tilted by about {abs(face.tilt_deg):.0f} degrees: an upright one moves best")
    return warnings


def _of_size(side_px: int, model_side_px: int) -> list[str]:
    if side_px >= LEAST_SHARPNESS * model_side_px:
        return []
    return [f"the portrait is only {side_px} px wide and will look soft: expected {model_side_px} px or more"]


def _share_outside(picture: UInt8Array, place: Place) -> float:
    width = min(picture.shape[1], place.left + place.side) - max(0, place.left)
    height = min(picture.shape[0], place.top + place.side) - max(0, place.top)
    inside: float = max(0, width) * max(0, height)
    return 1 - inside / place.side / place.side
