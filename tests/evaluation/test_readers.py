"""The readers on tiny networks: shapes, calibration, the cache, and that they learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation.face_crops import Framing
from evaluation.painted_faces import NO_MOOD, Crowd, paint_crowd, true_opening
from evaluation.reader_training import (
    QUICK_RECIPE,
    ReaderRecipe,
    augmented,
    cache_path,
    nearest_is_own,
    open_reader,
    parting_value,
    reading_spread,
    train_reader,
    true_readings,
)
from evaluation.readers import MARGIN_PX, READINGS, FaceReader, ReaderConfig, Readers, to_unit
from training.motion_names import MOTION_NAMES
from training.painter import CAST

pytestmark = pytest.mark.system("skia")


def test_painted_faces_come_with_their_truth() -> None:
    faces = paint_crowd(Crowd(seed=5, first=40, num_people=2, num_frames=6))
    assert faces.mouth.shape == (12, 112, 112, 3) and faces.eyes.dtype == np.uint8
    assert faces.person.tolist() == [40] * 6 + [41] * 6
    assert set(faces.mood.tolist()) <= {NO_MOOD, *range(7)}
    again = paint_crowd(Crowd(seed=5, first=41, num_people=1, num_frames=6))
    assert np.array_equal(again.motion.shape, (6, len(MOTION_NAMES)))
    truth = true_readings(faces)
    assert truth[:, READINGS.index("jaw")] == pytest.approx(faces.motion[:, MOTION_NAMES.index("jaw")])
    assert truth[:, READINGS.index("opening")] == pytest.approx(faces.opening)


def test_a_mirror_image_is_read_alike_but_for_where_eyes_look() -> None:
    torch.manual_seed(0)
    reader = FaceReader(Readers(ReaderConfig((8, 8, 8, 8), 16, 8, 4)), reading_spread(), 0.0, {})
    faces = paint_crowd(Crowd(seed=5, first=40, num_people=2, num_frames=3))
    crops = {"mouth": faces.mouth, "eyes": faces.eyes, "face": faces.face}
    seen = reader.read_crops(**crops)
    mirrored = reader.read_crops(**{name: np.ascontiguousarray(crop[:, :, ::-1]) for name, crop in crops.items()})
    sign = np.array([-1 if name == "gaze_x" else 1 for name in READINGS])
    np.testing.assert_allclose(mirrored.readings, seen.readings * sign, atol=1e-5)
    np.testing.assert_allclose(mirrored.embeddings, seen.embeddings, atol=1e-5)
    assert np.abs(seen.of("gaze_x")).max() > 1e-4, "a sign that nothing shows is no check"


def test_an_opening_is_measured_on_the_face_not_on_the_picture() -> None:
    motion = np.zeros(len(MOTION_NAMES), np.float32)
    identity = CAST["anna"]
    assert true_opening(identity, motion) == pytest.approx(0.0, abs=1e-4)
    motion[MOTION_NAMES.index("jaw")] = 0.8
    wide = true_opening(identity, motion)
    assert wide > 5
    assert true_opening(replace(identity, zoom=1.4), motion) == pytest.approx(wide, rel=1e-3)
    motion[MOTION_NAMES.index("lip_closing")] = 1.0
    assert true_opening(identity, motion) == pytest.approx(0.0, abs=1e-4)


def test_frames_of_any_size_are_read() -> None:
    torch.manual_seed(0)
    reader = FaceReader(Readers(QUICK_RECIPE.networks), reading_spread(), 0.5, {})
    frames = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3)).astype(np.uint8)
    found = reader.read(frames, Framing())
    assert found.readings.shape == (3, len(READINGS)) and found.moods.shape == (3, 7)
    assert found.moods.sum(1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.linalg.norm(found.embeddings, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.array_equal(found.of("blink"), found.readings[:, READINGS.index("blink")])


def test_chance_keeps_the_size_and_changes_the_picture() -> None:
    crops = np.random.default_rng(1).integers(0, 256, (4, 40, 56, 3)).astype(np.uint8)
    changed = augmented(crops, np.random.default_rng(2))
    assert changed.shape == (4, 3, 40 - MARGIN_PX, 56 - MARGIN_PX)
    half = MARGIN_PX // 2
    assert (changed - to_unit(crops[:, half:-half, half:-half])).abs().mean() > 0.01


def test_two_sets_are_parted_where_fewest_are_wrong() -> None:
    value, share = parting_value(np.array([0.1, 0.2, 0.3]), np.array([0.9, 1.2]))
    assert 0.3 < value < 0.9 and share == 1.0
    value, share = parting_value(np.array([0.0, 0.1, 0.2, 2.0]), np.array([1.0, 1.1, 1.2, 1.3]))
    assert 0.2 < value < 1.0 and share == pytest.approx(0.875)
    assert parting_value(np.array([]), np.array([1.0])) == (0.0, 0.0)


def test_the_nearest_frame_is_never_the_frame_itself() -> None:
    embeddings = np.array([[1, 0], [0.99, 0.14], [0, 1], [0.14, 0.99]], np.float32)
    assert nearest_is_own(embeddings, np.array([1, 1, 2, 2])) == 1.0
    assert nearest_is_own(embeddings, np.array([1, 2, 1, 2])) == 0.0


def test_readers_are_kept_for_one_painter_and_one_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_path(QUICK_RECIPE) != cache_path(replace(QUICK_RECIPE, num_passes=3))
    first = open_reader(QUICK_RECIPE)
    kept = cache_path(QUICK_RECIPE)
    assert kept.is_file() and tmp_path in kept.parents
    again = open_reader(QUICK_RECIPE)
    assert again.closed_below == first.closed_below and again.checks == first.checks
    frames = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3)).astype(np.uint8)
    assert np.array_equal(first.read(frames, Framing()).readings, again.read(frames, Framing()).readings)
    kept.write_bytes(b"damaged")
    assert open_reader(QUICK_RECIPE).checks["training_s"] != first.checks["training_s"]


@pytest.mark.slow
def test_openings_and_people_are_learned_within_a_minute() -> None:
    recipe = ReaderRecipe(
        networks=ReaderConfig((8, 16, 24, 32), feature_dim=48, embedding_dim=32, num_people=24),
        num_frames_each=10,
        num_others=30,
        num_other_frames=8,
        num_checked=12,
        num_checked_frames=10,
        num_passes=12,
        batch_frames=32,
        num_processes=1,
    )
    reader = train_reader(recipe)
    assert reader.checks["r_opening"] > 0.85
    assert reader.checks["closed_or_open_share"] > 0.85
    assert reader.checks["person_share"] > 0.7
