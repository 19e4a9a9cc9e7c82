"""Painted pictures of people who never come twice: the clips of phase 1.

In:  a seed
Out: batches of one source and several driving frames a person, with true motion and the boxes of mouth and eyes
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.motion_names import MOTION_NAMES
from training.painter import Identity, mouth_and_eye_boxes, paint, random_identity, random_motion
from training.painter_anchors import anchors
from training.painter_camera import photographed, random_look
from training.painter_landmarks import landmarks, mouth_opening

_HEAD = [MOTION_NAMES.index(name) for name in ("yaw", "pitch", "roll")]
_CALM_SHARE = 0.7
_CALM_HEAD = np.float32(0.35)
_RESTING_SHARE, _SMILING_SHARE = 0.62, 0.24  # of the sources; what is left may be in any motion
_NEAR_NEUTRAL = 0.3
_CLEAN_SHARE = 0.6  # as the cast is: illustrations
_TIMES_SEEN, _POOL_BATCHES = 3, 12
_DRIVING_GRAIN = 0.35  # what can't be known of a target is noise to learn from; a little keeps grain from being wiped


@dataclass(frozen=True)
class BatchShape:
    """People in a batch, driving frames a person, and the sides of source and driving pictures in pixels."""

    num_people: int = 4
    num_driving: int = 4
    source_px: int = 256
    driving_px: int = 256


@dataclass(frozen=True)
class PaintedBatch:
    """Pictures of P people in 1 + K motions.

    source: [P, 3, S, S] uint8; source_motion: [P, 15] float32
    driving: [P * K, 3, D, D] uint8, one person's frames together; driving_motion: [P * K, 15]
    regions: [P * K, 1, D, D] uint8, 1 inside the boxes of mouth and eyes
    openings: [P * K, 1, D, D] uint8, 1 between the lips, where a portrait whose mouth is shut has nothing to show
    source_points, driving_points: [P * K, num_landmarks, 2] float32, the same points in both pictures, 0 to 1
    source_anchors, driving_anchors: [P * K, NUM_ANCHORS, 2] float32, likewise
    """

    source: Tensor
    source_motion: Tensor
    driving: Tensor
    driving_motion: Tensor
    regions: Tensor
    openings: Tensor
    source_points: Tensor
    driving_points: Tensor
    source_anchors: Tensor
    driving_anchors: Tensor


def region_mask(identity: Identity, motion: NDArray[np.float32], size_px: int) -> NDArray[np.uint8]:
    """1 inside the boxes of mouth and eyes, 0 elsewhere: [size, size]."""
    mask = np.zeros((size_px, size_px), np.uint8)
    for x0, y0, x1, y1 in mouth_and_eye_boxes(identity, motion, size_px):
        mask[y0:y1, x0:x1] = 1
    return mask


def opening_mask(points: NDArray[np.float32], size_px: int) -> NDArray[np.uint8]:
    """1 between the lips, 0 elsewhere: [size, size]. points: of `landmarks`."""
    mask = np.zeros((size_px, size_px), np.uint8)
    outline = mouth_opening(points) * size_px - 0.5
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    return mask


def portrait_like_motion(generator: np.random.Generator) -> NDArray[np.float32]:
    """motion [15] in which people have their picture taken: near neutral, or smiling as photographers ask, or any."""
    motion = random_motion(generator)
    kind = generator.random()
    if kind < _RESTING_SHARE + _SMILING_SHARE:
        motion *= np.float32(generator.uniform(0, _NEAR_NEUTRAL))
    if _RESTING_SHARE < kind < _RESTING_SHARE + _SMILING_SHARE:
        for name, low, high in (("smile", 0.3, 1.0), ("jaw", 0.0, 0.3), ("lip_width", 0.0, 0.6)):
            motion[MOTION_NAMES.index(name)] = generator.uniform(low, high)
    return motion


def driving_motion(generator: np.random.Generator) -> NDArray[np.float32]:
    """motion [15] of any face, most heads turned as little as in talking."""
    motion = random_motion(generator)
    if generator.random() < _CALM_SHARE:
        motion[_HEAD] *= _CALM_HEAD
    return motion


def to_unit(pictures: Tensor, device: str) -> Tensor:
    """uint8 pictures to float32 in [-1, 1], channels last."""
    return (pictures.to(device).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def paint_person(shape: BatchShape, generator: np.random.Generator) -> PaintedBatch:
    """Somebody new. Most sources rest near neutral, as portraits do, and most heads turn little, as in talking."""
    identity = random_identity(generator)
    look = None if generator.random() < _CLEAN_SHARE else random_look(generator)
    source_motion = portrait_like_motion(generator)
    picture = paint(identity, source_motion, shape.source_px)
    source = picture if look is None else photographed(picture, look, generator)
    drivings, motions, regions, openings, points, fixed = [], [], [], [], [], []
    for _ in range(shape.num_driving):
        motion = driving_motion(generator)
        picture = paint(identity, motion, shape.driving_px)
        drivings.append(picture if look is None else photographed(picture, look, generator, _DRIVING_GRAIN))
        motions.append(motion)
        regions.append(region_mask(identity, motion, shape.driving_px))
        points.append(landmarks(identity, motion))
        fixed.append(anchors(identity, motion))
        openings.append(opening_mask(points[-1], shape.driving_px))
    own_points, own_fixed = landmarks(identity, source_motion), anchors(identity, source_motion)
    return PaintedBatch(
        source=torch.from_numpy(source[None]).permute(0, 3, 1, 2),
        source_motion=torch.from_numpy(source_motion[None].astype(np.float32)),
        driving=torch.from_numpy(np.stack(drivings)).permute(0, 3, 1, 2),
        driving_motion=torch.from_numpy(np.stack(motions).astype(np.float32)),
        regions=torch.from_numpy(np.stack(regions))[:, None],
        openings=torch.from_numpy(np.stack(openings))[:, None],
        source_points=torch.from_numpy(np.repeat(own_points[None], shape.num_driving, 0)),
        driving_points=torch.from_numpy(np.stack(points)),
        source_anchors=torch.from_numpy(np.repeat(own_fixed[None], shape.num_driving, 0)),
        driving_anchors=torch.from_numpy(np.stack(fixed)),
    )


def joined(people: list[PaintedBatch]) -> PaintedBatch:
    """People painted one by one, as one batch."""
    names = [each.name for each in fields(PaintedBatch)]
    return PaintedBatch(**{name: torch.cat([getattr(person, name) for person in people]) for name in names})


def draw_batch(shape: BatchShape, generator: np.random.Generator) -> PaintedBatch:
    """Paint one batch of people who are all new."""
    return joined([paint_person(shape, generator) for _ in range(shape.num_people)])


class PaintedFrames(IterableDataset[PaintedBatch]):
    """Batches without end; each worker paints its own people.

    To paint somebody takes a fifth of a step. So each stays for a few steps, beside others and looked at elsewhere.
    """

    def __init__(self, shape: BatchShape, seed: int) -> None:
        super().__init__()
        self.shape = shape
        self.seed = seed

    def __iter__(self) -> Iterator[PaintedBatch]:
        worker = get_worker_info()
        generator = np.random.default_rng([self.seed, worker.id if worker else 0])
        num_people = self.shape.num_people
        pool: deque[PaintedBatch] = deque(maxlen=_POOL_BATCHES * num_people)
        while True:
            for _ in range(max(1, num_people // _TIMES_SEEN)):
                pool.append(paint_person(self.shape, generator))
            if len(pool) >= num_people:
                chosen = generator.choice(len(pool), num_people, replace=False)
                yield joined([pool[int(index)] for index in chosen])


def painted_batches(shape: BatchShape, seed: int, num_workers: int) -> Iterator[PaintedBatch]:
    """Batches painted beside the training by `num_workers` processes (0: in this one)."""
    loader = DataLoader(
        PaintedFrames(shape, seed),
        batch_size=None,
        num_workers=num_workers,
        prefetch_factor=4 if num_workers else None,
        # Not forked: a forked copy of a process with threads (engines, exporters) may die at any allocation.
        multiprocessing_context="spawn" if num_workers else None,
    )
    return iter(loader)
