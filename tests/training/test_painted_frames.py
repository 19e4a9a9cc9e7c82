"""Painted batches have the shapes they promise, tell the truth about their pictures, and never show a person twice."""

from dataclasses import fields
from itertools import islice

import numpy as np
import pytest
import torch

from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painted_frames import (
    BatchShape,
    PaintedBatch,
    draw_batch,
    painted_batches,
    portrait_like_motion,
    region_mask,
)
from training.painter import mouth_and_eye_boxes, paint, portrait_motion, random_identity

pytestmark = pytest.mark.system("skia")

SHAPE = BatchShape(num_people=3, num_driving=2, source_px=48, driving_px=32)


def drawn(seed: int, shape: BatchShape = SHAPE) -> PaintedBatch:
    return draw_batch(shape, np.random.default_rng(seed))


def are_equal(a: PaintedBatch, b: PaintedBatch) -> bool:
    return all(torch.equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(PaintedBatch))


def test_shapes_and_types_are_those_promised() -> None:
    batch = drawn(0)
    assert batch.source.shape == (3, 3, 48, 48) and batch.source.dtype == torch.uint8
    assert batch.driving.shape == (6, 3, 32, 32) and batch.driving.dtype == torch.uint8
    assert batch.source_motion.shape == (3, 15) and batch.source_motion.dtype == torch.float32
    assert batch.driving_motion.shape == (6, 15) and batch.driving_motion.dtype == torch.float32
    assert batch.regions.shape == (6, 1, 32, 32) and batch.regions.dtype == torch.uint8
    assert batch.source_points.shape == batch.driving_points.shape == (6, batch.driving_points.shape[1], 2)
    assert batch.driving_points.dtype == torch.float32


def test_motions_stay_within_their_ranges_and_sources_are_calmer_than_what_drives() -> None:
    batch = drawn(1, BatchShape(num_people=40, num_driving=2, source_px=8, driving_px=8))
    for motion in (batch.source_motion.numpy(), batch.driving_motion.numpy()):
        assert (motion >= LOWEST).all() and (motion <= HIGHEST).all()
    jaw = MOTION_NAMES.index("jaw")
    assert batch.source_motion[:, jaw].mean() < 0.7 * batch.driving_motion[:, jaw].mean()
    # Every direction is exercised, or its part of the basis would never be learned.
    assert (batch.driving_motion.std(0) > 0.05).all()


def test_a_persons_frames_stand_together() -> None:
    """The first person's source points are the same for each of its driving frames, the next person's are others."""
    points = drawn(2).source_points
    assert torch.equal(points[0], points[1])
    assert not torch.equal(points[1], points[2])


def test_the_region_mask_fills_the_boxes_of_mouth_and_eyes_and_nothing_else() -> None:
    generator = np.random.default_rng(3)
    for _ in range(5):
        identity = random_identity(generator)
        mask = region_mask(identity, portrait_motion(), 64)
        boxes = mouth_and_eye_boxes(identity, portrait_motion(), 64)
        expected = np.zeros((64, 64), bool)
        for x0, y0, x1, y1 in boxes:
            expected[y0:y1, x0:x1] = True
            assert (x1 - x0) * (y1 - y0) > 20
        np.testing.assert_array_equal(mask.astype(bool), expected)
        assert mask.max() == 1 and 0.02 < mask.mean() < 0.5


@pytest.mark.parametrize(("name", "value"), [("blink", 1.0), ("lip_rounding", 1.0), ("smile", -0.8)])
def test_what_eyes_and_lips_change_lies_within_the_regions(name: str, value: float) -> None:
    identity = random_identity(np.random.default_rng(8))
    before, after = portrait_motion(), portrait_motion()
    after[MOTION_NAMES.index(name)] = value
    changed = np.abs(paint(identity, before, 128).astype(int) - paint(identity, after, 128)).max(-1) > 40
    inside = (region_mask(identity, before, 128) | region_mask(identity, after, 128)).astype(bool)
    assert changed.sum() > 40
    assert (changed & inside).sum() > 0.9 * changed.sum()


def test_a_seed_gives_one_batch_and_another_seed_others() -> None:
    assert are_equal(drawn(5), drawn(5))
    other = drawn(6)
    assert not torch.equal(drawn(5).source, other.source)
    assert not torch.equal(drawn(5).driving_motion, other.driving_motion)


def test_people_never_come_twice_in_one_stream() -> None:
    first, second = islice(painted_batches(SHAPE, seed=7, num_workers=0), 2)
    pictures = {picture.numpy().tobytes() for batch in (first, second) for picture in batch.source}
    assert len(pictures) == 6


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_each_worker_and_each_process_paints_its_own_people() -> None:
    # Batches come from the workers in turn; processes of one training differ in the seed.
    streams = [list(islice(painted_batches(SHAPE, seed, num_workers=2), 2)) for seed in (8, 9)]
    pictures = {picture.numpy().tobytes() for batches in streams for batch in batches for picture in batch.source}
    assert len(pictures) == 2 * 2 * SHAPE.num_people
    alone = next(painted_batches(SHAPE, seed=8, num_workers=0))
    assert are_equal(streams[0][0], alone)


def test_a_persons_frames_share_one_look() -> None:
    """A corner of the picture, mostly backdrop, has one colour in a person's frames and another in the next one's."""
    batch = drawn(9, BatchShape(num_people=24, num_driving=2, source_px=64, driving_px=64))
    source = batch.source[..., :3, :6].float().mean((2, 3))
    first, second = batch.driving[..., :3, :6].float().mean((2, 3)).reshape(24, 2, 3).unbind(1)
    between_people = (first - first.roll(1, 0)).abs().median()
    assert (first - second).abs().median() < 0.2 * between_people
    assert (source - first).abs().median() < 0.2 * between_people


def test_some_portraits_show_a_smile_with_teeth_and_most_are_near_rest() -> None:
    generator = np.random.default_rng(10)
    motions = np.stack([portrait_like_motion(generator) for _ in range(1000)])
    smile, jaw = (motions[:, MOTION_NAMES.index(name)] for name in ("smile", "jaw"))
    assert 0.08 < ((smile > 0.5) & (jaw > 0.05)).mean() < 0.3
    assert (np.abs(motions).max(1) < 0.32).mean() > 0.5
