"""Painted faces for the reader of faces: pictures, and what is to be read from them.

In:  a seed
Out: batches of people in any motion, most of them framed as served, some as a detector's box leaves them

To paint somebody costs more than to learn from the picture once. So pictures stay in a pool for a while, and are moved,
scaled and photographed anew each time they are drawn: what is to be read follows exactly.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.face_reader import NUM_SHAPE_POINTS, SHAPE_SPREAD
from training.motion_names import MOTION_NAMES
from training.painted_frames import driving_motion, portrait_like_motion
from training.painter import paint, random_identity
from training.painter_camera import CameraLook, photographed, random_look
from training.painter_identity import CAST_SHIFT_Y, CAST_ZOOM
from training.painter_landmarks import landmarks

_CLEAN_SHARE = 0.5
_PORTRAIT_SHARE = 0.45
_FAR_SHARE = 0.2  # framed as a detector's box leaves them, to learn framing from
_AS_PAINTED_SHARE = 0.4
_LARGEST_LOG_SIZE, _LARGEST_SHIFT = 0.45, 0.14
_NEAR_LOG_SIZE, _NEAR_SHIFT = 0.02, 0.006  # deviations
_POOL_FACES = 1200
_FACES_EACH = 6  # motions of one person
_TIMES_DRAWN = 6
_SAME_PLACE = 0.004  # in sides of the picture
_USUAL_SEED, _NUM_USUAL_PEOPLE = 24_601, 200

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


class ReadingBatch(NamedTuple):
    """Pictures of painted people.

    pictures: [N, 3, S, S] uint8; motion: [N, 15] float32; framing: [N, 3] float32; shape: [N, 480] float32
    is_near: [N] bool, framed as served; of the others framing alone is to be read
    """

    pictures: Tensor
    motion: Tensor
    framing: Tensor
    shape: Tensor
    is_near: Tensor


@dataclass(frozen=True, eq=False)
class PaintedFace:
    """Somebody in one motion.

    picture: [side, side, 3] uint8, without a camera's look; motion: [15] float32
    points: [NUM_SHAPE_POINTS, 2] float32, 0 to 1; middle: of the face from the picture's, in sides; zoom: its size
    """

    picture: Picture
    motion: Floats
    points: Floats
    middle: tuple[float, float]
    zoom: float
    look: CameraLook | None

    def moved(self, scale: float, right: float, down: float, border: int = cv2.BORDER_REPLICATE) -> "PaintedFace":
        """The picture scaled about its middle and then shifted, in sides; border: OpenCV's."""
        side = self.picture.shape[0]
        offset = (1 - scale) * (0.5 * side - 0.5)
        transform = np.array([[scale, 0, offset + right * side], [0, scale, offset + down * side]], np.float64)
        picture = cv2.warpAffine(self.picture, transform, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
        points = (scale * (self.points - 0.5) + 0.5 + np.array((right, down))).astype(np.float32)
        middle = scale * self.middle[0] + right, scale * self.middle[1] + down
        return PaintedFace(np.asarray(picture, np.uint8), self.motion, points, middle, scale * self.zoom, self.look)

    @property
    def framing(self) -> Floats:
        """Where the square lies in which the face would be framed as the cast's: [3] float32.

        How far its middle is to the right and down of the picture's, in sides, and the log of its side over that.
        """
        size = self.zoom / CAST_ZOOM
        return np.array((self.middle[0], self.middle[1] - CAST_SHIFT_Y * size, math.log(size)), np.float32)


def painted_faces(num_faces: int, side_px: int, generator: np.random.Generator) -> list[PaintedFace]:
    """Somebody new in several motions, nearly half of them as portraits are."""
    identity = random_identity(generator)
    look = None if generator.random() < _CLEAN_SHARE else random_look(generator)
    faces = []
    for _ in range(num_faces):
        is_portrait = generator.random() < _PORTRAIT_SHARE
        motion = portrait_like_motion(generator) if is_portrait else driving_motion(generator)
        points = landmarks(identity, motion)[:NUM_SHAPE_POINTS]
        middle = identity.shift_x, identity.shift_y
        faces.append(PaintedFace(paint(identity, motion, side_px), motion, points, middle, identity.zoom, look))
    return faces


def moved_by_chance(face: PaintedFace, generator: np.random.Generator) -> tuple[PaintedFace, bool]:
    """The face framed a little differently, or as a detector's box may leave it, and whether it is the former."""
    kind = generator.random()
    if kind < _FAR_SHARE:
        scale = math.exp(generator.uniform(-_LARGEST_LOG_SIZE, _LARGEST_LOG_SIZE))
        right, down = generator.uniform(-_LARGEST_SHIFT, _LARGEST_SHIFT, 2)
        border = cv2.BORDER_REPLICATE if generator.random() < 0.6 else cv2.BORDER_CONSTANT
        return face.moved(scale, float(right), float(down), border), False
    if kind < _FAR_SHARE + _AS_PAINTED_SHARE:
        return face, True
    scale = math.exp(generator.normal() * _NEAR_LOG_SIZE)
    right, down = generator.normal(size=2) * _NEAR_SHIFT
    return face.moved(scale, float(right), float(down)), True


def shape_of(points: Floats) -> Floats:
    """Where a face's points lie, in spreads from the usual place: [480] float32. points: of `landmarks`."""
    return ((points[:NUM_SHAPE_POINTS].ravel() - usual_points()) / SHAPE_SPREAD).astype(np.float32)


@lru_cache(maxsize=1)
def usual_points() -> Floats:
    """Where the points lie on average, people at rest: [480] float32, 0 to 1."""
    generator = np.random.default_rng(_USUAL_SEED)
    people = (random_identity(generator) for _ in range(_NUM_USUAL_PEOPLE))
    still = np.zeros(len(MOTION_NAMES), np.float32)
    places = [landmarks(identity, still)[:NUM_SHAPE_POINTS].ravel() for identity in people]
    return np.mean(places, 0).astype(np.float32)


@lru_cache(maxsize=1)
def mirrored_points() -> NDArray[np.int64]:
    """The number of the point that each becomes in a mirror, -1 where none does: [NUM_SHAPE_POINTS] int64."""
    generator = np.random.default_rng(_USUAL_SEED)
    # In a shut mouth the lips' inner outlines lie upon each other, and can't be told apart.
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    motion[MOTION_NAMES.index("jaw")] = 0.6
    places = []
    for _ in range(_NUM_USUAL_PEOPLE):
        identity = random_identity(generator)
        points = landmarks(identity, motion)[:NUM_SHAPE_POINTS]
        places.append((points - np.array((0.5 + identity.shift_x, 0.0), np.float32)).astype(np.float64))
    usual = np.mean(places, 0)
    distances = np.linalg.norm(usual[:, None] * (-1.0, 1.0) - usual, axis=2)
    nearest = distances.argmin(1)
    is_mutual = nearest[nearest] == np.arange(NUM_SHAPE_POINTS)
    return np.where(is_mutual & (distances.min(1) < _SAME_PLACE), nearest, -1).astype(np.int64)


def batch_of(faces: list[PaintedFace], generator: np.random.Generator) -> ReadingBatch:
    """The faces, each moved and photographed by chance."""
    moved = [moved_by_chance(face, generator) for face in faces]
    pictures = [
        face.picture if face.look is None else photographed(face.picture, face.look, generator) for face, _ in moved
    ]
    return ReadingBatch(
        torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack([face.motion for face, _ in moved]).astype(np.float32)),
        torch.from_numpy(np.stack([face.framing for face, _ in moved])),
        torch.from_numpy(np.stack([shape_of(face.points) for face, _ in moved])),
        torch.from_numpy(np.array([is_near for _, is_near in moved])),
    )


class PaintedReadings(IterableDataset[ReadingBatch]):
    """Batches without end; each worker paints its own people."""

    def __init__(self, num_faces: int, side_px: int, seed: int) -> None:
        super().__init__()
        self.num_faces, self.side_px, self.seed = num_faces, side_px, seed

    def __iter__(self) -> Iterator[ReadingBatch]:
        worker = get_worker_info()
        generator = np.random.default_rng([self.seed, 7, worker.id if worker else 0])
        pool: deque[PaintedFace] = deque(maxlen=_POOL_FACES)
        num_new = max(1, self.num_faces // (_TIMES_DRAWN * _FACES_EACH))
        while True:
            for _ in range(num_new):
                pool.extend(painted_faces(_FACES_EACH, self.side_px, generator))
            if len(pool) >= self.num_faces:
                chosen = generator.choice(len(pool), self.num_faces, replace=False)
                yield batch_of([pool[int(index)] for index in chosen], generator)


def painted_readings(num_faces: int, side_px: int, seed: int, num_workers: int) -> Iterator[ReadingBatch]:
    """Batches painted beside the training by `num_workers` processes (0: in this one)."""
    loader = DataLoader(
        PaintedReadings(num_faces, side_px, seed),
        batch_size=None,
        num_workers=num_workers,
        prefetch_factor=4 if num_workers else None,
        multiprocessing_context="spawn" if num_workers else None,
    )
    return iter(loader)
