"""Faces are read by a network that trains by itself: its loss falls, it resumes, and framing means what it says."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from contract.errors import BundleError
from models.autoencoder_config import AutoencoderConfig
from models.checkpoint import load_checkpoint
from training.motion_names import HIGHEST, LOWEST
from training.painter import CAST, paint, portrait_motion, random_identity
from training.painter_identity import CAST_SHIFT_Y, CAST_ZOOM
from training.painter_landmarks import landmarks
from training.phase1_reading import Reading, ReadingConfig, draw_reading_batch, framing_of, reframed

pytestmark = pytest.mark.system("skia")

TINY = ReadingConfig(
    autoencoder=AutoencoderConfig(
        channels=(8, 8, 8, 8), latent_dim=16, num_motion_directions=15, num_blended_levels=2, reads_apart=True
    ),
    num_people=2,
    num_motions=2,
    num_steps=40,
    warm_up_steps=5,
    num_workers=0,
    autocast=False,
)
# Lips and lids, whose points lie where they lie however the picture is cut.
FACE = slice(0, 100)
SIDE_PX = 192


def cut_as_read(picture: np.ndarray, framing: np.ndarray) -> np.ndarray:
    """The square that a framing asks for, in the picture's size."""
    side, (right, down, log_size) = len(picture), framing.astype(float)
    scale = math.exp(log_size)
    offset = [(0.5 + away - scale * 0.5) * side - 0.5 + scale * 0.5 for away in (right, down)]
    transform = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, transform, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def difference_of_faces(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of colours where the face is."""
    middle = np.s_[SIDE_PX // 4 : -SIDE_PX // 4, SIDE_PX // 4 : -SIDE_PX // 4]
    return float(np.abs(one[middle].astype(float) - other[middle]).mean())


def test_faces_that_lie_as_the_casts_do_need_no_other_square() -> None:
    assert framing_of(0, CAST_SHIFT_Y, CAST_ZOOM).tolist() == pytest.approx([0, 0, 0])
    # Twice as large, the face wants a square twice as large, whose middle is as far above its own as ever, in faces.
    right, down, log_size = framing_of(0.1, CAST_SHIFT_Y, 2 * CAST_ZOOM).tolist()
    assert (right, log_size) == (pytest.approx(0.1), pytest.approx(math.log(2)))
    assert down == pytest.approx(CAST_SHIFT_Y - 2 * CAST_SHIFT_Y)


@pytest.mark.parametrize(("x", "y", "zoom"), [(0.06, -0.05, 1.4), (-0.1, 0.08, 0.8), (0.0, 0.012, 1.13)])
def test_the_square_that_framing_asks_for_has_the_face_where_the_casts_is(x: float, y: float, zoom: float) -> None:
    motion = portrait_motion()
    as_cast = CAST["anna"]
    elsewhere = replace(as_cast, zoom=zoom, shift_x=x, shift_y=y)
    right, down, log_size = framing_of(x, y, zoom).astype(float)
    found = (landmarks(elsewhere, motion)[FACE] - (0.5 + right, 0.5 + down)) / math.exp(log_size) + 0.5
    np.testing.assert_allclose(found, landmarks(as_cast, motion)[FACE], atol=1e-5)
    picture, wanted = paint(elsewhere, motion, SIDE_PX), paint(as_cast, motion, SIDE_PX)
    assert difference_of_faces(cut_as_read(picture, framing_of(x, y, zoom)), wanted) < 6


def test_a_picture_moved_by_chance_is_brought_back_by_its_framing() -> None:
    generator, motion = np.random.default_rng(3), portrait_motion()
    brought_back, as_they_came = [], []
    for _ in range(6):
        identity = random_identity(generator)
        moved, framing = reframed(paint(identity, motion, SIDE_PX), identity, generator)
        assert moved.shape == (SIDE_PX, SIDE_PX, 3) and moved.dtype == np.uint8
        wanted = paint(replace(identity, zoom=CAST_ZOOM, shift_x=0.0, shift_y=CAST_SHIFT_Y), motion, SIDE_PX)
        brought_back.append(difference_of_faces(cut_as_read(moved, framing), wanted))
        as_they_came.append(difference_of_faces(moved, wanted))
    assert max(brought_back) < 10
    assert np.mean(brought_back) < 0.35 * np.mean(as_they_came)


def test_a_batch_tells_who_is_framed_as_served_and_how_the_others_are() -> None:
    batch = draw_reading_batch(10, 3, 32, np.random.default_rng(0))
    assert batch.pictures.shape == (30, 3, 32, 32) and batch.pictures.dtype == torch.uint8
    assert batch.motion.shape == (30, 15) and batch.motion.dtype == torch.float32
    assert (batch.motion.numpy() >= LOWEST).all() and (batch.motion.numpy() <= HIGHEST).all()
    assert batch.framing.shape == (30, 3) and batch.framing.dtype == torch.float32
    assert batch.is_near.shape == (30,) and 15 <= int(batch.is_near.sum()) <= 27
    near, far = (batch.framing[chosen].abs() for chosen in (batch.is_near, ~batch.is_near))
    assert near.max() < 0.12 and near.mean() < 0.25 * far.mean()
    again = draw_reading_batch(10, 3, 32, np.random.default_rng(0))
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))


def test_the_loss_falls_and_another_run_goes_on_from_there(tmp_path: Path) -> None:
    training = Reading(TINY, tmp_path)
    batch = draw_reading_batch(3, 3, 32, np.random.default_rng(0))
    first = training.train_step(batch)
    for _ in range(30):
        last = training.train_step(batch)
    assert last < 0.5 * first
    training.save()
    resumed = Reading(TINY, tmp_path)
    assert resumed.step == 31
    expected = training.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    counts = [value for name, value in expected.items() if name.endswith("num_batches_tracked")]
    assert counts and all(count == 31 for count in counts)
    # Its next step is the one that would have come.
    assert resumed.train_step(batch) == pytest.approx(training.train_step(batch), rel=1e-5)


def test_a_run_ends_with_its_steps_and_tells_what_it_reads(tmp_path: Path) -> None:
    training = Reading(TINY, tmp_path)
    training.run()
    assert training.step == 40
    assert set(training.metrics) == {"motion", "least", "shift", "size"}
    assert training.metrics["least"] <= training.metrics["motion"] < 1
    assert 0 < training.metrics["shift"] < 0.3 and 0 < training.metrics["size"] < 1
    assert training.model.training
    state = load_checkpoint(tmp_path / "reading.pt")
    assert state["step"] == 40 and state["metrics"] == training.metrics
    assert state["provenance"]["config"]["num_people"] == 2
    lines = [json.loads(line) for line in (tmp_path / "reading.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [25, 40]
    assert lines[0]["loss"] > 0 and lines[1]["motion"] == round(training.metrics["motion"], 5)
    # The rate has fallen to nothing, and there is no more to do.
    assert training.optimizer.param_groups[0]["lr"] < 0.01 * TINY.learning_rate
    resumed = Reading(TINY, tmp_path)
    resumed.run()
    assert resumed.step == 40


def test_motion_counts_only_where_the_face_is_framed_as_served(tmp_path: Path) -> None:
    training = Reading(TINY, tmp_path)
    training.model.eval()
    batch = draw_reading_batch(2, 4, 32, np.random.default_rng(2))
    assert 0 < int(batch.is_near.sum()) < 8
    of_motion, of_framing = training.losses(batch)
    spoiled = batch.motion.clone()
    spoiled[~batch.is_near] += 1
    assert training.losses(batch._replace(motion=spoiled))[0] == of_motion
    spoiled[batch.is_near] += 1
    assert training.losses(batch._replace(motion=spoiled))[0] > of_motion
    assert training.losses(batch._replace(framing=batch.framing + 0.1))[1] != of_framing
    # A batch of none of them is no reason to learn nonsense.
    none = training.losses(batch._replace(is_near=torch.zeros(8, dtype=torch.bool)))
    assert none[0] == 0 and torch.isfinite(none[1])


def test_a_checkpoint_of_another_size_is_named_on_resuming(tmp_path: Path) -> None:
    Reading(TINY, tmp_path).save()
    fewer = replace(TINY, autoencoder=replace(TINY.autoencoder, num_motion_directions=14))
    with pytest.raises(BundleError, match=r"reading\.pt: to_motion\.weight is \[15, \d+\], expected \[14, "):
        Reading(fewer, tmp_path)
