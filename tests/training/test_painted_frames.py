"""Painted batches have the shapes they promise, tell the truth about their pictures, and show nobody twice at once."""

from collections import Counter
from dataclasses import fields
from itertools import islice, pairwise

import numpy as np
import pytest
import torch

from models.face_anchors import NUM_ANCHORS
from models.face_reader import NUM_SHAPE_POINTS
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painted_frames import (
    BatchShape,
    PaintedBatch,
    PaintedFrames,
    draw_batch,
    joined,
    paint_person,
    painted_batches,
    portrait_like_motion,
    region_mask,
)
from training.painter import mouth_and_eye_boxes, paint, portrait_motion, random_identity
from training.painter_anchors import anchors

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
    assert batch.source_anchors.shape == batch.driving_anchors.shape == (6, NUM_ANCHORS, 2)
    assert batch.source_anchors.dtype == batch.driving_anchors.dtype == torch.float32


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
    batch = drawn(2)
    for points in (batch.source_points, batch.source_anchors):
        assert torch.equal(points[0], points[1])
        assert not torch.equal(points[1], points[2])
    assert not torch.equal(batch.driving_anchors[0], batch.driving_anchors[1])


def test_anchors_and_points_are_of_the_same_pictures() -> None:
    batch = drawn(2)
    for points, fixed in (
        (batch.source_points, batch.source_anchors),
        (batch.driving_points, batch.driving_anchors),
    ):
        assert torch.equal(points[:, :NUM_SHAPE_POINTS], fixed[:, :NUM_SHAPE_POINTS])
    # Somebody new is the first thing that is drawn by chance.
    identity = random_identity(np.random.default_rng(2))
    for motion, found in zip(batch.driving_motion[:2].numpy(), batch.driving_anchors.numpy(), strict=False):
        np.testing.assert_array_equal(anchors(identity, motion), found)
    np.testing.assert_array_equal(anchors(identity, batch.source_motion[0].numpy()), batch.source_anchors[0].numpy())


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


def sources_of(batch: PaintedBatch) -> list[bytes]:
    """What tells the batch's people apart."""
    return [picture.numpy().tobytes() for picture in batch.source]


def test_people_stay_for_some_batches_but_never_come_twice_in_one() -> None:
    shape = BatchShape(num_people=3, num_driving=2, source_px=16, driving_px=16)
    batches = list(islice(painted_batches(shape, seed=7, num_workers=0), 60))
    people = [sources_of(batch) for batch in batches]
    assert all(len(set(each)) == 3 for each in people)
    # One of three is new at each batch.
    everybody = {person for each in people for person in each}
    assert 40 < len(everybody) <= 62
    times = Counter(person for each in people for person in each)
    assert 2 < np.mean(list(times.values())) < 4 and max(times.values()) > 3
    # Nobody stays for ever: not for as long as it takes to fill the pool anew.
    for person in everybody:
        seen = [number for number, each in enumerate(people) if person in each]
        assert seen[-1] - seen[0] < 36
    assert any(sorted(a) != sorted(b) for a, b in pairwise(people))


def test_whoever_comes_again_is_the_same_person_in_the_same_motions() -> None:
    shape = BatchShape(num_people=3, num_driving=2, source_px=16, driving_px=16)
    found: dict[bytes, list[torch.Tensor]] = {}
    again = 0
    for batch in islice(PaintedFrames(shape, 7), 12):
        for number, person in enumerate(sources_of(batch)):
            frames = slice(2 * number, 2 * number + 2)
            own = [
                batch.source_motion[number], batch.driving[frames], batch.driving_motion[frames],
                batch.regions[frames], batch.openings[frames], batch.source_points[frames],
                batch.driving_points[frames], batch.source_anchors[frames], batch.driving_anchors[frames],
            ]  # fmt: skip
            if person in found:
                again += 1
                assert all(torch.equal(a, b) for a, b in zip(own, found[person], strict=True))
            found[person] = own
    assert again > 10


@pytest.mark.parametrize("num_people", [1, 2, 7])
def test_batches_are_full_from_the_first_however_many_people_they_have(num_people: int) -> None:
    shape = BatchShape(num_people, num_driving=1, source_px=8, driving_px=8)
    for batch in islice(PaintedFrames(shape, 5), 5):
        assert batch.source.shape[0] == batch.driving.shape[0] == num_people
        assert len(set(sources_of(batch))) == num_people


def test_a_batch_is_its_people_one_after_the_other() -> None:
    generator = np.random.default_rng(4)
    people = [paint_person(SHAPE, generator) for _ in range(3)]
    assert people[0].source.shape == (1, 3, 48, 48) and people[0].driving.shape == (2, 3, 32, 32)
    together = joined(people)
    assert are_equal(together, drawn(4))
    for number, person in enumerate(people):
        for field in fields(PaintedBatch):
            each = 1 if field.name in ("source", "source_motion") else SHAPE.num_driving
            part = getattr(together, field.name)[number * each : (number + 1) * each]
            assert torch.equal(part, getattr(person, field.name)), field.name
    assert are_equal(joined(people[:1]), people[0])


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
