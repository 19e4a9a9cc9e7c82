"""Faces are read by a network that trains by itself: its loss falls, it resumes, and tells what it reads."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from contract.errors import BundleError
from models.autoencoder_config import AutoencoderConfig
from models.checkpoint import load_checkpoint
from training.painted_readings import ReadingBatch, batch_of, painted_faces
from training.phase1_reading import Reading, ReadingConfig

pytestmark = pytest.mark.system("skia")

TINY = ReadingConfig(
    autoencoder=AutoencoderConfig(
        channels=(8, 8, 8, 8), latent_dim=16, num_motion_directions=15, num_blended_levels=2, reads_apart=True
    ),
    num_faces=4,
    num_steps=40,
    warm_up_steps=5,
    num_workers=0,
    autocast=False,
)


def faces_batch(num_people: int, num_faces: int, seed: int) -> ReadingBatch:
    """People in so many motions each."""
    generator = np.random.default_rng(seed)
    return batch_of([face for _ in range(num_people) for face in painted_faces(num_faces, 32, generator)], generator)


def test_the_loss_falls_and_another_run_goes_on_from_there(tmp_path: Path) -> None:
    training = Reading(TINY, tmp_path)
    batch = faces_batch(3, 3, 0)
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
    assert set(training.metrics) == {"motion", "least", "points", "shift", "size"}
    assert training.metrics["least"] <= training.metrics["motion"] < 1
    assert 0 < training.metrics["points"] < 0.05
    assert 0 < training.metrics["shift"] < 0.3 and 0 < training.metrics["size"] < 1
    assert training.model.training
    state = load_checkpoint(tmp_path / "reading.pt")
    assert state["step"] == 40 and state["metrics"] == training.metrics
    assert state["provenance"]["config"]["num_faces"] == 4
    lines = [json.loads(line) for line in (tmp_path / "reading.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [25, 40]
    assert lines[0]["loss"] > 0 and lines[1]["motion"] == round(training.metrics["motion"], 5)
    # The rate has fallen to nothing, and there is no more to do.
    assert training.optimizer.param_groups[0]["lr"] < 0.01 * TINY.learning_rate
    resumed = Reading(TINY, tmp_path)
    resumed.run()
    assert resumed.step == 40


def test_motion_and_shape_count_only_where_the_face_is_framed_as_served(tmp_path: Path) -> None:
    training = Reading(TINY, tmp_path)
    training.model.eval()
    batch = faces_batch(3, 4, 2)
    assert 0 < int(batch.is_near.sum()) < 12
    of_motion, of_shape, of_framing = training.losses(batch)
    spoiled = batch.motion.clone()
    spoiled[~batch.is_near] += 1
    assert training.losses(batch._replace(motion=spoiled))[0] == of_motion
    spoiled[batch.is_near] += 1
    assert training.losses(batch._replace(motion=spoiled))[0] > of_motion
    moved = batch.shape.clone()
    moved[~batch.is_near] += 5
    assert training.losses(batch._replace(shape=moved))[1] == of_shape
    moved[batch.is_near] += 5
    assert training.losses(batch._replace(shape=moved))[1] > of_shape + 1
    assert training.losses(batch._replace(framing=batch.framing + 0.1))[2] != of_framing
    # A batch of none of them is no reason to learn nonsense.
    none = training.losses(batch._replace(is_near=torch.zeros_like(batch.is_near)))
    assert none[0] == none[1] == 0 and none[2] == of_framing
    assert training.train_step(batch._replace(is_near=torch.zeros_like(batch.is_near))) > 0


def test_a_checkpoint_of_another_size_is_named_on_resuming(tmp_path: Path) -> None:
    Reading(TINY, tmp_path).save()
    fewer = replace(TINY, autoencoder=replace(TINY.autoencoder, num_motion_directions=14))
    with pytest.raises(BundleError, match=r"reading\.pt: turned is \[15\], expected \[14\]"):
        Reading(fewer, tmp_path)
