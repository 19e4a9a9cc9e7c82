"""The painter: same arguments same picture, each motion moves what it names, the mouth follows the jaw."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from training import painter
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.painter_identity import BACKDROP_STYLES, CLOTHES, HAIR_STYLES, HEADWEAR, Identity
from training.painter_mouth import mouth_shape
from training.painter_pose import SCALE, Motion, Pose

pytestmark = pytest.mark.system

SIZE_PX = 128
MOUTH = ("jaw", "lip_width", "lip_rounding", "lip_tuck", "smile", "sneer")
EYES = ("blink", "gaze_x", "gaze_y", "brow_raise", "brow_furrow")


def motion_of(**values: float) -> NDArray[np.float32]:
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    for name, value in values.items():
        motion[MOTION_NAMES.index(name)] = value
    return motion


def change(identity: Identity, first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    before, after = (painter.paint(identity, motion, SIZE_PX).astype(float) for motion in (first, second))
    return np.abs(after - before).mean(2)


def inside(box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((SIZE_PX, SIZE_PX), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def num_dark_mouth_pixels(identity: Identity, motion: NDArray[np.float32]) -> int:
    """Pixels in the mouth's box as dark as the mouth's inside."""
    picture = painter.paint(identity, motion, 256).astype(int)
    x0, y0, x1, y1 = painter.mouth_and_eye_boxes(identity, motion, 256)[0]
    return int((picture[y0:y1, x0:x1].sum(2) < 230).sum())


def opening_area(identity: Identity, motion: NDArray[np.float32]) -> float:
    """The area between the lips in squared picture heights, by the shoelace formula."""
    shape = mouth_shape(Pose(identity, Motion.of(motion)))
    x, y = np.array([*shape.upper_inner, *shape.lower_inner[::-1]]).T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


@pytest.mark.parametrize("size_px", [64, 256])
def test_same_arguments_same_picture(size_px):
    identity = painter.random_identity(np.random.default_rng(3))
    assert identity == painter.random_identity(np.random.default_rng(3))
    motion = painter.random_motion(np.random.default_rng(4))
    first = painter.paint(identity, motion, size_px)
    assert first.shape == (size_px, size_px, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, painter.paint(identity, motion, size_px))


def test_identities_look_different():
    generator = np.random.default_rng(0)
    pictures = [painter.paint(painter.random_identity(generator), motion_of(), 64).astype(float) for _ in range(8)]
    for index, picture in enumerate(pictures):
        for other in pictures[:index]:
            assert np.abs(picture - other).mean() > 4


def test_every_motion_changes_the_picture():
    for name, low, high in zip(MOTION_NAMES, LOWEST, HIGHEST, strict=True):
        base = {"jaw": 0.6} if name == "lip_closing" else {}
        for end in {low, high} - {np.float32(0)}:
            moved = motion_of(**base, **{name: float(end)})
            assert change(painter.CAST["anna"], motion_of(**base), moved).max() > 25, f"{name} at {end} shows nothing"


@pytest.mark.parametrize("person", ["anna", "tomas"])
def test_face_motions_stay_in_their_boxes(person):
    identity = painter.CAST[person]
    for names, box_indices in ((MOUTH, (0,)), (EYES, (1, 2))):
        for name in names:
            still, moved = motion_of(), motion_of(**{name: 1.0})
            boxes = [painter.mouth_and_eye_boxes(identity, m, SIZE_PX)[i] for m in (still, moved) for i in box_indices]
            mask = np.any([inside(box) for box in boxes], axis=0)
            difference = change(identity, still, moved)
            share = difference[mask].sum() / difference.sum()
            assert share > 0.5, f"{name}: {share:.2f} of the change lies in its boxes"


@pytest.mark.parametrize("person", painter.CAST)
def test_mouth_opens_with_the_jaw_and_closes_whatever_the_jaw(person):
    identity = painter.CAST[person]
    areas = [opening_area(identity, motion_of(jaw=jaw)) for jaw in (0.0, 0.35, 0.7, 1.0)]
    assert areas[0] < 1e-6 and (np.diff(areas) > 1e-3).all(), areas
    assert opening_area(identity, motion_of(jaw=1.0, lip_closing=1.0)) < 1e-6


@pytest.mark.parametrize("person", ["anna", "mei", "helen", "sofia"])
def test_dark_of_the_open_mouth_is_seen(person):
    """On a light skin nothing else in the mouth's box is as dark."""
    identity = painter.CAST[person]
    counts = [num_dark_mouth_pixels(identity, motion_of(jaw=jaw)) for jaw in (0.0, 0.5, 1.0)]
    assert counts[0] + 40 < counts[1] and counts[1] + 40 < counts[2], counts
    assert num_dark_mouth_pixels(identity, motion_of(jaw=1.0, lip_closing=1.0)) < counts[1]


def test_opening_height():
    def height(**values: float) -> float:
        shape = mouth_shape(Pose(painter.CAST["anna"], Motion.of(motion_of(**values))))
        return SCALE * (shape.lower_inner[6][1] - shape.upper_inner[6][1])

    assert 0.11 < height(jaw=1.0) < 0.15
    assert height(jaw=1.0, lip_closing=1.0) < 1e-6
    assert height() < 1e-6
    assert height(jaw=1.0, lip_tuck=1.0) < 0.03


def test_boxes_lie_in_the_picture_and_hold_the_features():
    generator = np.random.default_rng(1)
    for _ in range(40):
        identity, motion = painter.random_identity(generator), painter.random_motion(generator)
        boxes = painter.mouth_and_eye_boxes(identity, motion, SIZE_PX)
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= SIZE_PX and 0 <= y0 < y1 <= SIZE_PX
            assert x1 - x0 >= 0.08 * SIZE_PX and y1 - y0 >= 0.08 * SIZE_PX
        mouth, left, right = ((box[0] + box[2]) / 2 for box in boxes)
        assert left < right
        assert min(left, right) - SIZE_PX * 0.25 < mouth < max(left, right) + SIZE_PX * 0.25


def test_random_motion_covers_the_ranges():
    generator = np.random.default_rng(2)
    motions = np.stack([painter.random_motion(generator) for _ in range(2000)])
    assert motions.dtype == np.float32 and (motions >= LOWEST).all() and (motions <= HIGHEST).all()
    span = (motions.max(0) - motions.min(0)) / (HIGHEST - LOWEST)
    assert (span > 0.9).all(), dict(zip(MOTION_NAMES, span, strict=True))
    assert (motions == 0).all(1).any(), "no neutral face among 2000"


def test_turning_moves_the_nose_more_than_the_shoulders():
    identity = painter.CAST["mei"]
    difference = change(identity, motion_of(yaw=-0.3), motion_of(yaw=0.3))
    face, shoulders = difference[50:90, 40:88].mean(), difference[116:, :].mean()
    assert face > 2.5 * shoulders


def test_motion_of_wrong_shape_is_refused():
    with pytest.raises(AssertionError, match="expected"):
        painter.paint(painter.CAST["anna"], np.zeros(12, np.float32), 64)


def test_many_motions_show_one_feature_strongly():
    generator = np.random.default_rng(5)
    motions = np.stack([painter.random_motion(generator) for _ in range(2000)])
    for name, share in (("blink", 0.10), ("brow_furrow", 0.08), ("sneer", 0.08), ("brow_raise", 0.08), ("smile", 0.08)):
        index = MOTION_NAMES.index(name)
        assert (np.abs(motions[:, index]) > 0.6 * HIGHEST[index]).mean() > share, name
    jaw = motions[:, MOTION_NAMES.index("jaw")]
    assert (jaw < 0.6).mean() > 0.75


def test_every_style_and_covering_is_painted():
    base = painter.CAST["anna"]
    pictures = [
        painter.paint(replace(base, hair_style=style, headwear=headwear), motion_of(yaw=0.3), 96).astype(float)
        for style in HAIR_STYLES
        for headwear in HEADWEAR
        if headwear == "none" or style == "bob"
    ]
    pictures += [painter.paint(replace(base, hair_style="bun", clothes_style=c), motion_of(), 96) for c in CLOTHES]
    pictures += [
        painter.paint(replace(base, hair_style="bun", backdrop_style=b), motion_of(), 96) for b in BACKDROP_STYLES
    ]
    assert len({np.asarray(picture).tobytes() for picture in pictures}) >= len(pictures) - 2


def test_the_cast_is_of_many_kinds():
    people = painter.CAST.values()
    assert len(people) >= 8
    assert any(p.has_glasses for p in people) and any(p.headwear == "hijab" for p in people)
    assert any(p.beard > 0.6 for p in people) and any(p.age > 0.5 for p in people)
    assert len({p.hair_style for p in people}) >= 7
