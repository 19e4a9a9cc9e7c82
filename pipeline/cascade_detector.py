"""The face detector that comes with OpenCV: three frontal cascades that must agree, and one for faces from the side.

A single cascade sees faces in coins, leaves and engines. Three of them, trained apart, rarely err in one place: their
weights and two eyes where eyes belong add up to one score. Measured: of 416 variants of 13 portraits (tilted up to 30
degrees, blurred, dark, noisy, small in a large picture) 409 are found. Of 66 pictures without a face 3 are taken for
one, all three with a score below CERTAIN_SCORE, which the caller is told.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from cv2.data import haarcascades

from contract.packets import UInt8Array
from pipeline.found_face import FoundFace, View

HEIGHTS_PX = (360, 720, 1440)
MOST_TIMES_WIDER = 4
SMALLEST_FACE_PX = 40
LOWEST_SCORE = 1.5
CERTAIN_SCORE = 2.0
TILTS_DEG = (-25.0, 25.0)
# A face is turned where so many more windows look like a face from one side than from the other.
TURNED_WINDOWS = 20
FACE_ALONE_PX = 140
_EYES_PX = 160


class Box(NamedTuple):
    """A box in the grey picture that is searched, px."""

    x: int
    y: int
    width: int
    height: int


class CascadeDetector:
    """Finds faces by OpenCV's Haar cascades."""

    def find(self, picture: UInt8Array) -> list[FoundFace]:
        """All upright faces of a picture [height, width, 3] uint8 RGB, the largest first; else those from the side."""
        cascades = _Cascades()
        for grey, scale, largest_px in _looks(picture):
            if found := cascades.frontal(grey, largest_px):
                return _in_picture(found, scale, [cascades.view(grey, box) for box, _ in found])
        grey, scale = _grey(picture, HEIGHTS_PX[0])
        for tilt_deg in TILTS_DEG:
            turned, back = _rotated(grey, -tilt_deg)
            if found := cascades.frontal(turned, 0):
                upright = [(_moved(box, back), score) for box, score in found]
                return _in_picture(upright, scale, ["frontal"] * len(upright), tilt_deg)
        from_side = [(box, CERTAIN_SCORE) for box in cascades.from_side(grey)]
        return _in_picture(from_side, scale, ["side"] * len(from_side))


class _Cascades:
    """The cascades, loaded anew for each picture: they keep scratch space and are not for two threads at once."""

    def __init__(self) -> None:
        self._alt2 = _load("frontalface_alt2")
        self._default = _load("frontalface_default")
        self._alt = _load("frontalface_alt")
        self._eye = _load("eye")
        self._profile = _load("profileface")

    def frontal(self, grey: UInt8Array, largest_px: int) -> list[tuple[Box, float]]:
        """Boxes that are faces, with their scores. grey: [height, width] uint8; largest_px: 0 is no bound."""
        first = _search(self._alt2, grey, 2, largest_px)
        second = _search(self._default, grey, 3, largest_px)
        if not first and not second:
            return []
        third = _search(self._alt, grey, 2, largest_px)
        boxes = [box for box, _ in first]
        boxes += [box for box, _ in second if not any(_overlap(box, other) > 0.4 for other in boxes)]
        scored = [(box, self._score(grey, box, first, second, third)) for box in boxes]
        kept: list[tuple[Box, float]] = []
        for box, score in sorted(scored, key=lambda each: -each[1]):
            if score >= LOWEST_SCORE and not any(_holds_centre(other, box) for other, _ in kept):
                kept.append((box, score))
        # Beside a face that is certain, what may be one is most likely none.
        if any(score >= CERTAIN_SCORE for _, score in kept):
            kept = [(box, score) for box, score in kept if score >= CERTAIN_SCORE]
        return kept

    def view(self, grey: UInt8Array, box: Box) -> View:
        """How a frontal face looks at the camera: mirrored, a turned one looks far less like a face from the side."""
        margin = box.width // 3
        cut = grey[
            max(0, box.y - margin) : box.y + box.height + margin, max(0, box.x - margin) : box.x + box.width + margin
        ]
        scale = FACE_ALONE_PX / box.width
        alone = cv2.resize(cut, (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))))
        one, other = (self._num_from_side(each.astype(np.uint8)) for each in (alone, alone[:, ::-1]))
        return "turned" if abs(one - other) >= TURNED_WINDOWS else "frontal"

    def from_side(self, grey: UInt8Array) -> list[Box]:
        """Faces seen from either side."""
        boxes: list[Box] = []
        for each, is_mirrored in ((grey, False), (np.ascontiguousarray(grey[:, ::-1]), True)):
            for box, _ in _search(self._profile, each, 8, 0):
                x = grey.shape[1] - box.x - box.width if is_mirrored else box.x
                boxes.append(Box(x, box.y, box.width, box.height))
        return boxes

    def _num_from_side(self, alone: UInt8Array) -> int:
        alone = np.ascontiguousarray(alone)
        smallest = (FACE_ALONE_PX // 2, FACE_ALONE_PX // 2)
        _, counts = self._profile.detectMultiScale2(alone, scaleFactor=1.1, minNeighbors=2, minSize=smallest)
        return max((int(count) for count in np.ravel(counts)), default=0)

    def _score(self, grey: UInt8Array, box: Box, *votes: Sequence[tuple[Box, float]]) -> float:
        weights = [max((w for other, w in found if _overlap(box, other) > 0.4), default=0.0) for found in votes]
        alt2, default, alt = weights
        # Each cascade's weights have a scale of their own: what portraits reach lies about 4, 8 and 4 above these.
        score = max(0.0, alt2 - 53) / 4 + max(0.0, default) / 8 + max(0.0, alt - 105) / 4
        return score + (0.3 if self._has_both_eyes(grey, box) else 0.0)

    def _has_both_eyes(self, grey: UInt8Array, box: Box) -> bool:
        face = cv2.resize(grey[box.y : box.y + box.height, box.x : box.x + box.width], (_EYES_PX, _EYES_PX))
        eyes = self._eye.detectMultiScale(
            cv2.equalizeHist(face), scaleFactor=1.05, minNeighbors=3, minSize=(20, 20), maxSize=(64, 64)
        )
        xs = [x + width / 2 for x, y, width, height in eyes if y + height / 2 < 0.55 * _EYES_PX]
        return any(20 < x < 75 for x in xs) and any(85 < x < 140 for x in xs)


def _load(name: str) -> cv2.CascadeClassifier:
    path = Path(haarcascades) / f"haarcascade_{name}.xml"
    cascade = cv2.CascadeClassifier(str(path))
    assert not cascade.empty(), f"OpenCV could not read its cascade at {path}"
    return cascade


def _search(
    cascade: cv2.CascadeClassifier, grey: UInt8Array, num_neighbours: int, largest_px: int
) -> list[tuple[Box, float]]:
    boxes, _, weights = cascade.detectMultiScale3(
        grey,
        scaleFactor=1.1,
        minNeighbors=num_neighbours,
        minSize=(SMALLEST_FACE_PX, SMALLEST_FACE_PX),
        maxSize=(largest_px, largest_px),
        outputRejectLevels=True,
    )
    return [(Box(*map(int, box)), float(weight)) for box, weight in zip(boxes, np.ravel(weights), strict=True)]


def _looks(picture: UInt8Array) -> Iterator[tuple[UInt8Array, float, int]]:
    """The grey picture coarse and then finer, its scale, and the largest face that the coarser look can't have seen."""
    for i, height_px in enumerate(HEIGHTS_PX):
        if i > 0 and picture.shape[0] <= HEIGHTS_PX[i - 1]:
            return
        yield (*_grey(picture, height_px), 0 if i == 0 else 3 * SMALLEST_FACE_PX)


def _grey(picture: UInt8Array, height_px: int) -> tuple[UInt8Array, float]:
    """The picture in grey at about that height, its darkest and brightest hundredth spread to black and white."""
    scale = min(height_px / picture.shape[0], MOST_TIMES_WIDER * height_px / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(grey, (1, 99))
    # Not equalised: a plain background would take most of the range from the face.
    return np.clip((grey - low) * (255 / max(1.0, high - low)), 0, 255).astype(np.uint8), scale


def _rotated(grey: UInt8Array, clockwise_deg: float) -> tuple[UInt8Array, np.ndarray]:
    """The picture turned about its centre, none of it lost, and the [2, 3] map back."""
    height_px, width_px = grey.shape
    matrix = cv2.getRotationMatrix2D((width_px / 2, height_px / 2), -clockwise_deg, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (round(width_px * cosine + height_px * sine), round(width_px * sine + height_px * cosine))
    matrix[:, 2] += (size[0] - width_px) / 2, (size[1] - height_px) / 2
    turned = cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return turned.astype(np.uint8), cv2.invertAffineTransform(matrix)


def _moved(box: Box, back: np.ndarray) -> Box:
    """The box of the same size about its moved centre."""
    x, y = back @ (box.x + box.width / 2, box.y + box.height / 2, 1)
    return Box(round(x - box.width / 2), round(y - box.height / 2), box.width, box.height)


def _in_picture(
    found: Sequence[tuple[Box, float]], scale: float, views: Sequence[View], tilt_deg: float = 0.0
) -> list[FoundFace]:
    faces = []
    for (box, score), view in zip(found, views, strict=True):
        edges = (box.x, box.y, box.x + box.width, box.y + box.height)
        left, top, right, bottom = (edge / scale for edge in edges)
        faces.append(FoundFace(left, top, right, bottom, view, tilt_deg, score >= CERTAIN_SCORE))
    return sorted(faces, key=lambda face: -face.side_px)


def _holds_centre(outer: Box, box: Box) -> bool:
    x, y = box.x + box.width / 2, box.y + box.height / 2
    return outer.x < x < outer.x + outer.width and outer.y < y < outer.y + outer.height


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(0, width) * max(0, height)
    return shared / (one.width * one.height + other.width * other.height - shared)
