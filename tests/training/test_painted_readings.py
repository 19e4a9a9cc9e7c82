"""What is to be read of a painted face stays true however its picture is moved, scaled and photographed."""

import math
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from models.face_reader import NUM_SHAPE_POINTS
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painted_readings import (
    PaintedFace,
    batch_of,
    mirrored_points,
    moved_by_chance,
    painted_faces,
    painted_readings,
    shape_of,
    usual_points,
)
from training.painter import CAST, Identity, paint, portrait_motion, random_identity
from training.painter_identity import CAST_SHIFT_Y, CAST_ZOOM
from training.painter_landmarks import landmarks

pytestmark = pytest.mark.system("skia")

# Lips and lids, whose points lie where they lie however the picture is cut.
FACE = slice(0, 100)
SIDE_PX = 192


def face_of(identity: Identity, side_px: int = SIDE_PX) -> PaintedFace:
    """Somebody as in a portrait, seen without a camera."""
    motion = portrait_motion()
    points = landmarks(identity, motion)[:NUM_SHAPE_POINTS]
    middle = identity.shift_x, identity.shift_y
    return PaintedFace(paint(identity, motion, side_px), motion, points, middle, identity.zoom, None)


def cut_as_read(picture: np.ndarray, framing: np.ndarray) -> np.ndarray:
    """The square that a framing asks for, in the picture's size."""
    side, (right, down, log_size) = len(picture), framing.astype(float)
    scale = math.exp(log_size)
    offset = [(0.5 + away - scale * 0.5) * side - 0.5 + scale * 0.5 for away in (right, down)]
    transform = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, transform, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def colours_at_points(face: PaintedFace, blur_px: float, points: np.ndarray | None = None) -> np.ndarray:
    """Where its points, or others, lie in its picture: [num_points, 3]."""
    places = ((face.points if points is None else points)[FACE] * SIDE_PX - 0.5).astype(np.float32)
    blurred = cv2.GaussianBlur(face.picture, (0, 0), blur_px).astype(np.float32)
    return np.asarray(cv2.remap(blurred, places[:, :1], places[:, 1:], cv2.INTER_LINEAR))[:, 0]


def difference_of_faces(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of colours where the face is."""
    middle = np.s_[SIDE_PX // 4 : -SIDE_PX // 4, SIDE_PX // 4 : -SIDE_PX // 4]
    return float(np.abs(one[middle].astype(float) - other[middle]).mean())


def test_faces_that_lie_as_the_casts_do_need_no_other_square() -> None:
    as_cast = replace(CAST["anna"], zoom=CAST_ZOOM, shift_x=0.0, shift_y=CAST_SHIFT_Y)
    assert face_of(as_cast, 32).framing.tolist() == pytest.approx([0, 0, 0])
    # Twice as large, the face wants a square twice as large, whose middle is as far above its own as ever, in faces.
    right, down, log_size = face_of(replace(as_cast, zoom=2 * CAST_ZOOM, shift_x=0.1), 32).framing.tolist()
    assert (right, log_size) == (pytest.approx(0.1), pytest.approx(math.log(2)))
    assert down == pytest.approx(CAST_SHIFT_Y - 2 * CAST_SHIFT_Y)


@pytest.mark.parametrize(("x", "y", "zoom"), [(0.06, -0.05, 1.4), (-0.1, 0.08, 0.8), (0.0, 0.012, 1.13)])
def test_the_square_that_framing_asks_for_has_the_face_where_the_casts_is(x: float, y: float, zoom: float) -> None:
    as_cast = CAST["anna"]
    face, wanted = face_of(replace(as_cast, zoom=zoom, shift_x=x, shift_y=y)), face_of(as_cast)
    right, down, log_size = face.framing.astype(float)
    found = (face.points[FACE] - (0.5 + right, 0.5 + down)) / math.exp(log_size) + 0.5
    np.testing.assert_allclose(found, wanted.points[FACE], atol=1e-5)
    assert difference_of_faces(cut_as_read(face.picture, face.framing), wanted.picture) < 6


@pytest.mark.parametrize(("scale", "right", "down"), [(1.2, 0.05, -0.03), (0.7, -0.1, 0.02), (1.0, 0.125, 0.0)])
def test_points_and_framing_follow_a_picture_that_is_moved(scale: float, right: float, down: float) -> None:
    face = face_of(CAST["anna"])
    moved = face.moved(scale, right, down)
    assert moved.picture.shape == (SIDE_PX, SIDE_PX, 3) and moved.picture.dtype == np.uint8
    # The colours around each point are those that were around it.
    before, after = colours_at_points(face, 2.0), colours_at_points(moved, 2.0 * scale)
    assert np.abs(before - after).mean() < 2 < np.abs(before - colours_at_points(moved, 2.0, face.points)).mean()
    elsewhere = np.log(scale) + face.framing[2]
    assert moved.framing[2] == pytest.approx(elsewhere, abs=1e-6)
    # Both squares hold the same.
    squares = [cut_as_read(each.picture, each.framing) for each in (face, moved)]
    assert difference_of_faces(*squares) < 4


def test_a_picture_moved_by_chance_is_brought_back_by_its_framing() -> None:
    generator = np.random.default_rng(3)
    brought_back: list[float] = []
    as_they_came: list[float] = []
    while len(brought_back) < 6:
        identity = random_identity(generator)
        moved, is_near = moved_by_chance(face_of(identity), generator)
        if is_near:
            continue
        wanted = face_of(replace(identity, zoom=CAST_ZOOM, shift_x=0.0, shift_y=CAST_SHIFT_Y)).picture
        brought_back.append(difference_of_faces(cut_as_read(moved.picture, moved.framing), wanted))
        as_they_came.append(difference_of_faces(moved.picture, wanted))
    assert max(brought_back) < 10
    assert np.mean(brought_back) < 0.35 * np.mean(as_they_came)


def test_a_batch_tells_who_is_framed_as_served_and_how_the_others_are() -> None:
    generator = np.random.default_rng(0)
    faces = [face for _ in range(10) for face in painted_faces(4, 32, generator)]
    batch = batch_of(faces, np.random.default_rng(1))
    assert batch.pictures.shape == (40, 3, 32, 32) and batch.pictures.dtype == torch.uint8
    assert batch.motion.shape == (40, 15) and batch.motion.dtype == torch.float32
    assert (batch.motion.numpy() >= LOWEST).all() and (batch.motion.numpy() <= HIGHEST).all()
    assert batch.framing.shape == (40, 3) and batch.framing.dtype == torch.float32
    assert batch.shape.shape == (40, 2 * NUM_SHAPE_POINTS) and batch.shape.dtype == torch.float32
    assert batch.is_near.shape == (40,) and 25 <= int(batch.is_near.sum()) <= 38
    near, far = (batch.framing[chosen].abs() for chosen in (batch.is_near, ~batch.is_near))
    assert near.max() < 0.2 and near.mean() < 0.35 * far.mean()
    # Some stay where they were painted, and the others' points lie elsewhere than in the painting.
    painted = np.stack([shape_of(face.points) for face in faces])
    is_still = (batch.shape.numpy() == painted).all(1)
    assert 8 <= is_still.sum() <= 24 and not is_still[~batch.is_near.numpy()].any()
    again = batch_of(faces, np.random.default_rng(1))
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    other = batch_of(faces, np.random.default_rng(2))
    assert not torch.equal(batch.pictures, other.pictures)


def test_batches_come_without_end_and_the_same_from_the_same_seed() -> None:
    first, second = (list(islice(painted_readings(8, 32, seed, 0), 3)) for seed in (1, 1))
    for one, other in zip(first, second, strict=True):
        assert one.pictures.shape == (8, 3, 32, 32)
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(first[0].motion, first[1].motion)
    (elsewhere,) = islice(painted_readings(8, 32, 2, 0), 1)
    assert not torch.equal(first[0].motion, elsewhere.motion)


def test_a_shape_tells_how_far_points_lie_from_the_usual_place() -> None:
    generator, still = np.random.default_rng(5), np.zeros(len(MOTION_NAMES), np.float32)
    people = [landmarks(random_identity(generator), still) for _ in range(60)]
    shapes = np.stack([shape_of(points) for points in people])
    assert shapes.shape == (60, 2 * NUM_SHAPE_POINTS) and shapes.dtype == np.float32
    assert np.abs(shapes.mean(0)).max() < 0.4 and 0.2 < shapes.std() < 2
    # A fiftieth of the picture is one; x and y of a point lie side by side.
    moved = people[0].copy()
    moved[7] += (0.02, -0.04)
    change = shape_of(moved) - shapes[0]
    assert change[14:16].tolist() == pytest.approx([1, -2], abs=1e-3)
    assert np.count_nonzero(change) == 2
    # Shoulders and backdrop are no part of a face.
    moved = people[0].copy()
    moved[NUM_SHAPE_POINTS:] += 1
    np.testing.assert_array_equal(shape_of(moved), shapes[0])


def test_points_have_their_other_side_in_a_mirror():
    other = mirrored_points()
    paired = np.flatnonzero(other >= 0)
    assert len(paired) > 0.9 * NUM_SHAPE_POINTS
    assert np.array_equal(other[other[paired]], paired)
    assert list(other[:13]) == list(range(12, -1, -1)), "the upper lip's outline, from the other corner"
    # The usual face is about as wide on either side.
    usual = usual_points().reshape(-1, 2)
    assert np.abs(usual[paired, 0] + usual[other[paired], 0] - 1).max() < 0.02
    assert np.abs(usual[paired, 1] - usual[other[paired], 1]).max() < 0.01
