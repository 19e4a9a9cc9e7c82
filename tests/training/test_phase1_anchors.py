"""Where anchors go is learned without a picture: places are the same however made, the loss falls, a run resumes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from contract.errors import BundleError
from models.autoencoder_config import AutoencoderConfig
from models.checkpoint import load_checkpoint
from models.face_anchors import NUM_ANCHORS, NUM_TRACKED, AnchorMotion
from models.face_reader import NUM_SHAPE_POINTS, SHAPE_SPREAD, FaceReader
from training.checkpoints import save_checkpoint
from training.face_places import NUM_MISREAD, NUM_MOTIONS, NUM_PORTRAITS, FacePlaces, Floats, make_places, misreadings
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES, SPREAD
from training.painted_readings import usual_points
from training.phase1_anchors import AnchorConfig, AnchorTraining

pytestmark = pytest.mark.system("skia")

SIDE_PX = 32
TINY = AnchorConfig(
    autoencoder=AutoencoderConfig(
        channels=(8, 8, 8, 8), latent_dim=16, num_motion_directions=15, num_blended_levels=2, reads_apart=True
    ),
    batch=64,
    num_steps=120,
    warm_up_steps=5,
    average_decay=0.9,
)
NUM_VALUES = 2 * NUM_SHAPE_POINTS + 15


@pytest.fixture(scope="module")
def people() -> FacePlaces:
    return make_places(8, seed=3)


@pytest.fixture(scope="module")
def misread() -> Floats:
    """Readings that are a little off."""
    generator = np.random.default_rng(0)
    return generator.normal(0, 0.1, (5, 1 + NUM_MISREAD, NUM_VALUES)).astype(np.float32)


def none_misread() -> Floats:
    return np.zeros((1, 1 + NUM_MISREAD, NUM_VALUES), np.float32)


def test_people_are_placed_in_motions_as_portraits_have_them_and_in_others(people: FacePlaces) -> None:
    assert people.places.shape == (8, NUM_MOTIONS, NUM_ANCHORS, 2) and people.places.dtype == np.float32
    assert people.motion.shape == (8, NUM_MOTIONS, 15) and people.motion.dtype == np.float32
    jaw = people.motion[..., MOTION_NAMES.index("jaw")]
    assert jaw[:, :NUM_PORTRAITS].mean() < 0.7 * jaw[:, NUM_PORTRAITS:].mean()
    # Neither people nor motions come twice, but for rest.
    motions = people.motion.reshape(-1, 15)
    moving = motions[np.abs(motions).max(1) > 0]
    assert len(moving) > 8 * NUM_MOTIONS - 20
    assert len(np.unique(moving, axis=0)) == len(moving)
    assert len(np.unique(people.places[:, 0].reshape(8, -1), axis=0)) == 8
    other = make_places(2, seed=4)
    assert np.abs(other.places - people.places[:2]).max() > 1e-2


@pytest.mark.slow
def test_several_processes_place_the_same_people_as_one() -> None:
    # More than one process is given at a time.
    alone, together = make_places(253, 3), make_places(253, 3, num_processes=2)
    assert len(alone.places) == 253
    np.testing.assert_array_equal(alone.places, together.places)
    np.testing.assert_array_equal(alone.motion, together.motion)
    # The second lot is of others.
    assert np.abs(alone.places[250:] - alone.places[:3]).max(axis=(1, 2, 3)).min() > 1e-3


def test_fewer_people_are_the_first_of_more(people: FacePlaces) -> None:
    fewer = make_places(3, seed=3)
    np.testing.assert_array_equal(fewer.places, people.places[:3])
    np.testing.assert_array_equal(make_places(3, seed=3, num_processes=2).places, fewer.places)


def reader_that_reads_nothing() -> FaceReader:
    """Of every face the usual shape at rest."""
    reader = FaceReader(TINY.autoencoder).eval()
    with torch.no_grad():
        for parameter in reader.parameters():
            parameter.zero_()
    return reader


def test_a_misreading_is_what_was_read_less_the_truth() -> None:
    misread = misreadings(reader_that_reads_nothing(), 3, SIDE_PX, seed=5)
    assert misread.shape == (3, 1 + NUM_MISREAD, NUM_VALUES) and misread.dtype == np.float32
    # Who reads nothing misreads by the whole truth.
    motion = -misread[..., -15:] * SPREAD
    assert (motion >= LOWEST - 1e-5).all() and (motion <= HIGHEST + 1e-5).all() and motion.std() > 0.1
    points = (usual_points() - SHAPE_SPREAD * misread[..., :-15]).reshape(3, 4, NUM_SHAPE_POINTS, 2)
    assert np.abs(points - usual_points().reshape(-1, 2)).mean() < 0.1
    # A person's pictures differ as motions do.
    assert (points.std(1).mean((1, 2)) > 1e-3).all()
    again = misreadings(reader_that_reads_nothing(), 3, SIDE_PX, seed=5)
    np.testing.assert_array_equal(again, misread)
    assert np.abs(misreadings(reader_that_reads_nothing(), 3, SIDE_PX, seed=6) - misread).max() > 0.1
    torch.manual_seed(0)
    reader = FaceReader(TINY.autoencoder).eval()
    with torch.no_grad():
        reader.to_motion.bias.add_(2)
    offset = misreadings(reader, 3, SIDE_PX, seed=5) - misread
    assert offset[..., -15:].mean() == pytest.approx(2, abs=0.2)


def test_pairs_are_of_one_person_and_what_is_told_of_the_portrait_fits_its_way_back(
    people: FacePlaces, tmp_path: Path
) -> None:
    training = AnchorTraining(TINY, tmp_path)
    face, motion, place, back = training.draw(people, none_misread(), 200, np.random.default_rng(1))
    assert face.shape == (200, NUM_VALUES) and motion.shape == (200, 15)
    assert place.shape == (200, NUM_ANCHORS, 2) and back.shape == (200, NUM_TRACKED, 2)
    assert all(each.dtype == torch.float32 for each in (face, motion, place, back))
    points = torch.from_numpy(usual_points()) + SHAPE_SPREAD * face[:, : 2 * NUM_SHAPE_POINTS]
    there = SIDE_PX * points.reshape(200, NUM_SHAPE_POINTS, 2)
    assert torch.allclose((place[:, :NUM_TRACKED] + back)[:, :NUM_SHAPE_POINTS], there, atol=1e-3)
    assert back.abs().max() > 2
    # The frame's motion is what its places show: pairs of equal motion lie alike.
    drawn = {tuple(row) for row in np.round(motion.numpy() * SPREAD, 4)}
    known = {tuple(row) for row in np.round(people.motion.reshape(-1, 15), 4)}
    assert drawn <= known and len(drawn) > 60
    sources = np.round(face[:, -15:].numpy() * SPREAD, 4)
    portraits = {tuple(row) for row in np.round(people.motion[:, :NUM_PORTRAITS].reshape(-1, 15), 4)}
    share = np.mean([tuple(row) in portraits for row in sources])
    assert 0.85 < share < 1


def test_portraits_are_misread_as_a_whole_and_some_motions_too(
    people: FacePlaces, misread: Floats, tmp_path: Path
) -> None:
    training = AnchorTraining(TINY, tmp_path)
    known, read = (
        training.draw(people, errors, 200, np.random.default_rng(1))
        for errors in (np.zeros_like(misread), np.ones_like(misread))
    )
    of_face, of_motion = read[0] - known[0], read[1] - known[1]
    # By as much in all of a face's values, and of a motion's where it is read.
    assert torch.allclose(of_face, of_face[:, :1].expand_as(of_face), atol=1e-4)
    assert of_face.min() >= 0 and of_face.max() < 1.301 and of_face[:, 0].std() > 0.2
    is_read = of_motion.abs().amax(1) > 1e-4
    assert 0.5 < is_read.float().mean() < 0.7
    assert torch.allclose(of_motion[is_read], of_face[is_read][:, :15], atol=1e-4)
    # What is wanted is the truth.
    assert torch.equal(read[2], known[2]) and torch.equal(read[3], known[3])


def test_the_loss_falls_and_another_run_goes_on_from_there(people: FacePlaces, misread: Floats, tmp_path: Path) -> None:
    training = AnchorTraining(TINY, tmp_path)
    batch = training.draw(people, misread, 64, np.random.default_rng(0))
    first = training.train_step(batch)
    for _ in range(40):
        last = training.train_step(batch)
    assert last < 0.5 * first
    training.save()
    resumed = AnchorTraining(TINY, tmp_path)
    assert resumed.step == 41
    expected = training.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    for name, value in resumed.average.values.items():
        assert torch.equal(value, training.average.values[name]), name
    # Its next step is the one that would have come.
    assert resumed.train_step(batch) == pytest.approx(training.train_step(batch), rel=1e-5)
    assert resumed.train_step(batch) == pytest.approx(training.train_step(batch), rel=1e-5)


def test_a_run_learns_from_some_is_judged_on_others_and_keeps_its_average(
    people: FacePlaces, misread: Floats, tmp_path: Path
) -> None:
    training = AnchorTraining(TINY, tmp_path)
    before = training.validate(people, misread)
    assert set(before) == {"places_misread", "ways_misread", "places_known", "ways_known"}
    training.run(people, misread)
    assert training.step == 120
    assert set(training.metrics) == set(before)
    assert all(0 < training.metrics[name] < 0.5 * before[name] for name in ("places_known", "places_misread"))
    state = load_checkpoint(tmp_path / "anchors.pt", needs=("model", "own", "optimizer", "step", "metrics"))
    assert state["step"] == 120 and state["metrics"] == training.metrics
    assert state["provenance"]["config"]["num_people"] == 20_000
    assert {path.name for path in tmp_path.iterdir()} == {"anchors.pt", "anchors.jsonl"}
    own = dict(training.model.named_parameters())
    for name, value in training.average.values.items():
        assert torch.equal(state["model"][name], value), name
        assert torch.equal(state["own"][name], own[name].detach()), name
    assert any(not torch.equal(state["model"][name], state["own"][name]) for name in own)
    # Where anchors usually lie, in portraits; those of a reader where it takes them to lie.
    usual: Tensor = state["model"]["usual"]
    np.testing.assert_array_equal(usual[:NUM_SHAPE_POINTS].numpy(), usual_points().reshape(-1, 2))
    others = people.places[:7, :NUM_PORTRAITS].mean((0, 1))[NUM_SHAPE_POINTS:]
    np.testing.assert_allclose(usual[NUM_SHAPE_POINTS:].numpy(), others, atol=1e-6)
    lines = [json.loads(line) for line in (tmp_path / "anchors.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [100, 120]
    assert lines[0]["loss"] > lines[1]["loss"] > 0
    assert lines[1]["ways_known"] == round(training.metrics["ways_known"], 5)
    # The rate has fallen to nothing, and there is no more to do.
    assert training.optimizer.param_groups[0]["lr"] < 0.01 * TINY.learning_rate
    resumed = AnchorTraining(TINY, tmp_path)
    resumed.run(people, misread)
    assert resumed.step == 120 and torch.equal(resumed.model.usual, usual)


def test_a_run_without_time_is_saved_as_it_begins(people: FacePlaces, misread: Floats, tmp_path: Path) -> None:
    training = AnchorTraining(TINY, tmp_path)
    training.run(people, misread, seconds=0)
    assert training.step == 0
    assert load_checkpoint(tmp_path / "anchors.pt")["step"] == 0


def test_the_averaged_network_alone_is_enough_to_begin_with(
    people: FacePlaces, misread: Floats, tmp_path: Path
) -> None:
    training = AnchorTraining(TINY, tmp_path)
    training.run(people, misread)
    state = load_checkpoint(tmp_path / "anchors.pt")
    save_checkpoint(tmp_path / "anchors.pt", {name: state[name] for name in ("model", "step", "metrics")})
    resumed = AnchorTraining(TINY, tmp_path)
    assert resumed.step == 120
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, state["model"][name]), name
    assert resumed.validate(people, misread) == training.validate(people, misread)


def test_what_it_learned_is_told_by_the_decoders_own_network(
    people: FacePlaces, misread: Floats, tmp_path: Path
) -> None:
    training = AnchorTraining(TINY, tmp_path)
    training.run(people, misread)
    model = AnchorMotion(15, SIDE_PX)
    model.load_state_dict(load_checkpoint(tmp_path / "anchors.pt")["model"])
    face, motion, place, back = training.draw(people, none_misread(), 4096, np.random.default_rng(TINY.seed))
    with torch.inference_mode():
        told = model(face, motion)
    assert float((told.place - place).abs().mean()) < 2 * training.metrics["places_known"]
    assert float((told.back - back).abs().mean()) < 2 * training.metrics["ways_known"]


@pytest.mark.parametrize("kind", ["another size", "the reader's", "another kind", "damaged"])
def test_a_checkpoint_that_does_not_fit_is_named_on_resuming(kind: str, tmp_path: Path) -> None:
    path, config, message = tmp_path / "anchors.pt", TINY, r"anchors\.pt does not fit the model: it lacks \['direct"
    if kind == "another size":
        AnchorTraining(TINY, tmp_path).save()
        config = replace(TINY, autoencoder=replace(TINY.autoencoder, num_motion_directions=14))
        message = r"anchors\.pt: .*weight is \[.*510\], expected \[.*508\]"
    elif kind == "the reader's":
        reader = FaceReader(TINY.autoencoder)
        save_checkpoint(path, {"model": reader.state_dict(), "optimizer": {}, "step": 3, "metrics": {}})
    elif kind == "another kind":
        save_checkpoint(path, {"average": {}, "step": 3, "metrics": {}})
        message = r"anchors\.pt is another kind of checkpoint: it lacks \['model'\]"
    else:
        path.write_bytes(b"not a checkpoint")
        message = r"anchors\.pt is no checkpoint"
    with pytest.raises(BundleError, match=message):
        AnchorTraining(config, tmp_path)
