"""Both phases on a tiny model: the loss falls, the state resumes, what is kept begins another run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from contract.errors import BundleError
from models.audio_encoder import MelAudioConfig
from models.autoencoder_config import AutoencoderConfig
from models.checkpoint import load_checkpoint
from models.face_anchors import NUM_TRACKED
from models.face_reader import FaceReader
from models.flow_transformer import FlowConfig
from models.frame_decoder import FlowHead
from tests.export.tiny_avatar import anchor_inputs, last_template_layer, teach_anchors, teach_flow_and_shape
from training.checkpoints import save_checkpoint
from training.motion_names import to_coefficients
from training.painted_frames import BatchShape, PaintedBatch, draw_batch, to_unit
from training.painted_readings import shape_of
from training.phase1_autoencoder import Phase1
from training.phase1_config import Phase1Config, Stage
from training.phase1_networks import train_above
from training.phase2_flow import Phase2, Phase2Config
from training.picture_losses import mask_loss, picture_loss, structure_loss
from training.speech_clips import Clip
from training.speech_windows import WindowSampler

pytestmark = pytest.mark.system("skia")

TINY = AutoencoderConfig(channels=(16, 16, 16, 16), latent_dim=16, num_motion_directions=15, num_blended_levels=2)
PHASE1 = Phase1Config(
    autoencoder=TINY,
    stages=(Stage(16, 12), Stage(32, 28)),
    num_people=2,
    num_driving=2,
    num_workers=0,
    warm_up_steps=10,
    autocast=False,
)
PHASE2 = Phase2Config(
    flow=FlowConfig(latent_dim=16, audio_feature_dim=8, hidden_dim=32, depth=1, num_heads=2),
    audio=MelAudioConfig(audio_feature_dim=8, hidden_dim=16),
    num_steps=250,
    batch_windows=8,
    learning_rate=8e-3,
    warm_up_steps=10,
    # So small a model leans on what it carries over and hears too little, unless that is often left out.
    carried_dropout=0.5,
    autocast=False,
)


def losses(log: Path, name: str) -> list[float]:
    return [line[name] for line in map(json.loads, log.read_text().splitlines()) if name in line]


def test_phase1_learns_stops_and_resumes(tmp_path: Path):
    training = Phase1(PHASE1, tmp_path)
    batch = training_batch()
    first = training.train_step(batch, PHASE1.stages[0])
    for _ in range(30):
        last = training.train_step(batch, PHASE1.stages[0])
    assert last < 0.7 * first
    training.save()
    resumed = Phase1(PHASE1, tmp_path)
    assert resumed.step == 31
    for name, parameter in resumed.model.named_parameters():
        assert torch.equal(parameter, dict(training.model.named_parameters())[name])
    assert torch.equal(resumed.model.dec.direction.orthonormal(), training.model.dec.direction.orthonormal())


def training_batch(driving_px: int = 16) -> PaintedBatch:
    return draw_batch(BatchShape(2, 2, 32, driving_px), np.random.default_rng(0))


def test_what_paints_has_no_reader_and_learns_without_one(tmp_path: Path):
    training = Phase1(replace(PHASE1, autoencoder=replace(TINY, reads_apart=True)), tmp_path)
    training.train_step(training_batch(), PHASE1.stages[0])
    learned = {name for name, parameter in training.model.named_parameters() if parameter.grad is not None}
    assert learned and all(name.startswith(("enc.net_app.", "enc.from_shape.", "dec.")) for name in learned)
    assert "enc.from_shape.weight" in learned
    assert training.model.enc.reader is None and training.reader is None


READING_APART = replace(PHASE1, autoencoder=replace(TINY, reads_apart=True, composites=True, flow_template_px=8))


def test_until_faces_can_be_read_the_painters_points_tell_the_sources_shape(tmp_path: Path):
    batch = training_batch()
    source = to_unit(batch.source, "cpu")
    training = Phase1(READING_APART, tmp_path)
    found = training.shape_of_sources(batch, source)
    assert found is not None
    # One a person, where a batch has its points once a driving frame.
    expected = np.stack([shape_of(batch.source_points[person * 2].numpy()) for person in range(2)])
    np.testing.assert_array_equal(found.numpy(), expected)
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    assert Phase1(PHASE1, tmp_path).shape_of_sources(batch, source) is None


def test_a_reader_that_is_trained_tells_the_sources_shape_and_is_not_trained_further(tmp_path: Path):
    reader = FaceReader(READING_APART.autoencoder)
    save_checkpoint(tmp_path / "reading.pt", {"model": reader.state_dict(), "step": 3})
    batch = training_batch()
    source = to_unit(batch.source, "cpu")
    training = Phase1(READING_APART, tmp_path)
    assert training.reader is not None and not training.reader.training
    before = {name: value.clone() for name, value in training.reader.state_dict().items()}
    shape = training.shape_of_sources(batch, source)
    assert shape is not None and not shape.requires_grad
    assert torch.equal(shape, reader.eval().looks(source)[1].shape)
    painted = training.paint_from(batch).image.detach()
    training.train_step(batch, PHASE1.stages[0])
    for name, value in training.reader.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.grad is None for parameter in training.reader.parameters())
    # What was read reaches the picture as soon as it is known what it means.
    with torch.no_grad():
        teach_flow_and_shape(training.model)
    read = training.paint_from(batch).image.detach()
    training.reader = None
    assert not torch.allclose(training.paint_from(batch).image, read, atol=1e-3)
    assert not torch.allclose(painted, read, atol=1e-3)
    # Another size of reader is named, and FLOAT's auto-encoder asks for none.
    fewer = replace(READING_APART, autoencoder=replace(READING_APART.autoencoder, num_motion_directions=14))
    with pytest.raises(BundleError, match=r"reading\.pt: turned is \[15\], expected \[14\]"):
        Phase1(fewer, tmp_path)
    assert Phase1(PHASE1, tmp_path).reader is None


def test_a_decoder_with_a_template_learns_it_along_with_the_rest(tmp_path: Path):
    training = Phase1(READING_APART, tmp_path)
    batch = training_batch()
    first = training.train_step(batch, PHASE1.stages[0])
    flow_before = training.flow_error
    for _ in range(30):
        last = training.train_step(batch, PHASE1.stages[0])
    assert last < 0.7 * first and training.flow_error < 0.7 * flow_before
    assert last_template_layer(training.model).weight.detach().abs().max() > 1e-3


HEARING = replace(
    PHASE1,
    autoencoder=replace(READING_APART.autoencoder, channels=(12, 12, 12, 12, 12, 8), num_anchor_features=6),
    stages=(Stage(64, 2), Stage(128, 2)),
)


@pytest.fixture(scope="module")
def hearing_batch() -> PaintedBatch:
    return draw_batch(BatchShape(2, 2, 128, 128), np.random.default_rng(0))


def test_a_decoder_that_hears_anchors_learns_what_they_carry(tmp_path: Path, hearing_batch: PaintedBatch):
    training = Phase1(HEARING, tmp_path)
    assert training.model.dec.anchor_motion is None and training.model.dec.anchor_field is not None
    carried = training.model.dec.anchor_field.features
    before = carried.detach().clone()
    assert not any(layer.conv.weight.any() for layer in anchor_inputs(training.model))
    first = training.train_step(hearing_batch, HEARING.stages[1])
    # What is carried matters once the levels have begun to hear it.
    assert torch.equal(carried.detach(), before)
    assert all(layer.conv.weight.any() for layer in anchor_inputs(training.model))
    for _ in range(15):
        last = training.train_step(hearing_batch, HEARING.stages[1])
    assert last < 0.7 * first
    assert (carried.detach() - before).abs().max() > 1e-3
    names = {name for name in training.average.values if "anchor" in name}
    assert names == {"dec.anchor_field.features", *(f"dec.from_anchors.{level}.conv.weight" for level in (0, 1))}


def test_anchors_of_a_batch_are_the_painters_in_pixels_of_the_full_size(tmp_path: Path, hearing_batch: PaintedBatch):
    anchors = Phase1(HEARING, tmp_path).anchors_of(hearing_batch)
    assert anchors is not None
    assert torch.allclose(anchors.place, 128 * hearing_batch.driving_anchors, atol=1e-4)
    ways = 128 * (hearing_batch.source_anchors - hearing_batch.driving_anchors)[:, :NUM_TRACKED]
    assert torch.allclose(anchors.back, ways, atol=1e-4) and ways.abs().max() > 3
    assert Phase1(READING_APART, tmp_path).anchors_of(hearing_batch) is None


@torch.no_grad()
def test_anchors_set_the_flow_right_from_the_first_step(tmp_path: Path, hearing_batch: PaintedBatch):
    """Where an untrained decoder that hears none shows the portrait as it is."""
    here, there = (2 * each - 1 for each in (hearing_batch.driving_anchors, hearing_batch.source_anchors))
    tracked, errors = slice(0, 159), []  # lips, lids and brows
    for num_anchor_features in (6, 0):
        config = replace(HEARING.autoencoder, num_anchor_features=num_anchor_features)
        training = Phase1(replace(HEARING, autoencoder=config), tmp_path)
        # The finest level adds its own to what is right, which means nothing yet.
        finest = training.model.dec.to_flows[-1]
        assert isinstance(finest, FlowHead)
        finest.conv.weight.zero_()
        grid = training.paint_from(hearing_batch).grids[-1].permute(0, 3, 1, 2)
        found = F.grid_sample(grid, here[:, tracked, None], align_corners=False)[..., 0].mT
        errors.append(64 * float((found - there[:, tracked]).abs().mean()))
    hearing_px, deaf_px = errors
    assert deaf_px > 1 and hearing_px < 0.3 * deaf_px


@pytest.mark.parametrize("driving_px", [16, 32, 64])
def test_a_decoder_that_hears_anchors_grows_as_others_do(tmp_path: Path, driving_px: int):
    training = Phase1(HEARING, tmp_path)
    batch = draw_batch(BatchShape(2, 2, 128, driving_px), np.random.default_rng(0))
    painted = training.paint_from(batch)
    assert painted.image.shape == (4, 3, driving_px, driving_px)
    assert np.isfinite(training.train_step(batch, HEARING.stages[0]))
    coarse, fine = (layer.conv.weight.detach() for layer in anchor_inputs(training.model))
    # At half of the full size the first of two levels hears them, below none.
    assert coarse.any() == (driving_px == 64) and not fine.any()


def test_a_run_with_anchors_goes_through_its_stages_and_resumes(tmp_path: Path):
    training = Phase1(HEARING, tmp_path)
    training.run()
    assert training.step == 4 and 0 < training.metrics["l1"] < 1
    resumed = Phase1(HEARING, tmp_path)
    expected = dict(training.model.named_parameters())
    for name, parameter in resumed.model.named_parameters():
        assert torch.equal(parameter, expected[name]), name
    # A checkpoint from before anchors were heard is named.
    deaf = replace(HEARING, autoencoder=replace(HEARING.autoencoder, num_anchor_features=0))
    with pytest.raises(
        BundleError, match=r"phase1\.pt does not fit the model: it lacks \[\] and has unknown \['dec.anch"
    ):
        Phase1(deaf, tmp_path)


def test_coarse_levels_and_the_encoder_may_be_settled(tmp_path: Path, hearing_batch: PaintedBatch):
    training = Phase1(HEARING, tmp_path)
    model = training.model
    with torch.no_grad():  # so that all of it has a say
        teach_flow_and_shape(model)
        teach_anchors(model)
    train_above(model, 32)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    training.train_step(hearing_batch, HEARING.stages[1])
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    settled: tuple[str, ...] = ("enc.", "dec.direction.", "dec.template.", "dec.input.", "dec.conv1.")
    settled += tuple(f"dec.convs.{number}." for number in range(6))
    settled += tuple(f"dec.{heads}.{level}." for heads in ("to_flows", "to_rgbs") for level in range(3))
    assert moved == {name for name in before if not name.startswith(settled)}
    assert {name for name in before if name.startswith(("dec.anchor_field.", "dec.from_anchors."))} < moved
    assert {name.split(".")[2] for name in moved if name.startswith("dec.convs.")} == {"6", "7", "8", "9"}
    # Their gradients are not even asked for.
    assert {name for name, parameter in model.named_parameters() if parameter.requires_grad} == moved
    train_above(model, 0)
    training.train_step(hearing_batch, HEARING.stages[1])
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == before.keys() - {"dec.direction.weight"}


@pytest.mark.parametrize(("settled_px", "num_settled"), [(0, 0), (8, 1), (16, 2), (64, 4), (128, 5)])
def test_so_many_levels_are_settled_as_have_at_most_that_size(tmp_path: Path, settled_px: int, num_settled: int):
    model = Phase1(HEARING, tmp_path).model
    train_above(model, settled_px)
    heads = [all(p.requires_grad for p in head.parameters()) for head in model.dec.to_flows]
    assert heads == [level >= num_settled for level in range(5)]
    layers = [all(p.requires_grad for p in layer.parameters()) for layer in model.dec.convs]
    assert layers == [number >= 2 * num_settled for number in range(10)]
    assert any(p.requires_grad for p in model.enc.parameters()) == (settled_px == 0)
    assert not model.dec.direction.weight.requires_grad


def test_a_stage_that_settles_levels_leaves_them_as_the_one_before_had_them(tmp_path: Path):
    short = replace(PHASE1, stages=(Stage(16, 2),), warm_up_steps=1)
    Phase1(short, tmp_path).run()
    training = Phase1(replace(short, stages=(Stage(16, 2), Stage(32, 2, settled_px=16))), tmp_path)
    before = {name: parameter.detach().clone() for name, parameter in training.model.named_parameters()}
    training.run()
    assert training.step == 4
    moved = {name for name, parameter in training.model.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved and all(name.startswith(("dec.convs.4.", "dec.convs.5.", "dec.to_")) for name in moved)
    assert {name.split(".")[2] for name in moved if name.startswith("dec.to_")} == {"2"}


def test_structure_takes_part_in_training_as_its_weight_says(tmp_path: Path):
    gradients: list[torch.Tensor] = []
    for structure_weight in (0.0, 1.0, 2.0):
        training = Phase1(replace(READING_APART, structure_weight=structure_weight), tmp_path)
        parameters = dict(training.model.named_parameters())
        parameters["dec.convs.0.conv.weight"].register_hook(gradients.append)
        training.train_step(training_batch(), PHASE1.stages[0])
    none, once, twice = gradients
    assert (once - none).abs().max() > 1e-6
    assert torch.allclose(twice - none, 2 * (once - none), atol=1e-5)


def test_a_learning_rate_that_falls_is_full_where_its_stage_begins_and_gone_where_it_ends(tmp_path: Path):
    even, falling = Stage(16, 20, 2e-3), Stage(32, 100, 1e-3, falls=True)
    training = Phase1(replace(PHASE1, stages=(even, falling)), tmp_path)

    def rate_at(step: int) -> float:
        training.step = step
        stage = training.stage()
        assert stage is not None
        return training.learning_rate(stage)

    assert rate_at(4) == pytest.approx(0.5 * 2e-3)  # still warming up
    assert rate_at(10) == rate_at(19) == 2e-3
    assert rate_at(20) == 1e-3 and rate_at(70) == pytest.approx(0.5e-3)
    rates = [rate_at(step) for step in range(20, 120)]
    assert rates == sorted(rates, reverse=True) and 0 < rates[-1] < 1e-6
    weights = {name: parameter.detach().clone() for name, parameter in training.model.named_parameters()}
    training.train_step(training_batch(32), falling)
    moved = [
        float((parameter.detach() - weights[name]).abs().max()) for name, parameter in training.model.named_parameters()
    ]
    assert 0 < max(moved) < 1e-5


@torch.no_grad()
def test_below_its_full_size_the_portrait_is_laid_over_the_picture_as_the_last_level_will(tmp_path: Path):
    training = Phase1(replace(PHASE1, autoencoder=replace(TINY, composites=True)), tmp_path)
    batch = training_batch(16)
    heads = [head for head in training.model.dec.to_flows if isinstance(head, FlowHead)]
    for head in heads:
        head.conv.weight.zero_()
        head.bias.zero_()
    # Levels add to what those before have said.
    heads[0].bias[:, 2] = heads[1].bias[:, 2] = 50.0
    shown = training.paint_from(batch)
    assert shown.image.shape == shown.beneath.shape == (4, 3, 16, 16)
    assert [grid.shape[1] for grid in shown.grids] == [mask.shape[-1] for mask in shown.masks] == [8, 16]
    portrait = F.avg_pool2d(to_unit(batch.source, "cpu"), 2).repeat_interleave(2, 0)
    warped = F.grid_sample(portrait, shown.grids[-1], align_corners=False)
    assert torch.allclose(shown.image, warped, atol=1e-5)
    assert (shown.image - shown.beneath).abs().mean() > 0.1
    # Without a flow the picture stays as it is, but for the base grid, which is half a pixel off at the edges.
    assert (shown.image - portrait)[..., 6:10, 6:10].abs().mean() < 0.1
    heads[0].bias[:, 2] = heads[1].bias[:, 2] = -50.0
    hidden = training.paint_from(batch)
    assert torch.allclose(hidden.image, hidden.beneath, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("composites", [True, False])
def test_at_its_full_size_the_picture_is_the_decoders_own(tmp_path: Path, composites: bool):
    training = Phase1(replace(PHASE1, autoencoder=replace(TINY, composites=composites)), tmp_path)
    batch = training_batch(32)
    painted = training.paint_from(batch)
    assert painted.image.shape == (4, 3, 32, 32) and painted.beneath.shape == (4, 3, 16, 16)
    identity, features = training.model.enc.net_app(to_unit(batch.source, "cpu"))
    motion = training.model.dec.direction(torch.from_numpy(to_coefficients(batch.driving_motion.numpy(), 15)))
    repeated = [feature.repeat_interleave(2, 0) for feature in features]
    expected = training.model.dec(identity.repeat_interleave(2, 0), motion, repeated)
    assert torch.allclose(painted.image, expected, atol=1e-5)


@torch.no_grad()
def test_without_a_composite_a_smaller_picture_is_the_decoders_own_too(tmp_path: Path):
    training = Phase1(PHASE1, tmp_path)
    painted = training.paint_from(training_batch(16))
    assert painted.image.shape == (4, 3, 16, 16) and painted.beneath.shape == (4, 3, 8, 8)


def test_phase1_runs_through_its_stages_and_writes_what_it_saw(tmp_path: Path):
    training = Phase1(PHASE1, tmp_path)
    training.run()
    assert training.step == 40 and training.stage() is None
    assert set(training.metrics) == {"l1", "l1_regions"} and 0 < training.metrics["l1"] < 1
    state = load_checkpoint(tmp_path / "phase1.pt")
    assert state["step"] == 40 and state["provenance"]["config"]["seed"] == 1
    assert (tmp_path / "phase1.png").stat().st_size > 1000
    kept = load_checkpoint(tmp_path / "phase1_averaged.pt")
    assert all(value.dtype == torch.float16 for value in kept["average"].values())
    other = Phase1(PHASE1, tmp_path / "other")
    other.begin_with(kept["average"], "kept")
    assert other.step == 0
    name = "dec.convs.0.conv.weight"
    assert torch.allclose(dict(other.model.named_parameters())[name], training.average.values[name], atol=5e-3)


def test_weights_of_another_size_are_refused(tmp_path: Path):
    small = Phase1(PHASE1, tmp_path)
    weights = {name: p.detach() for name, p in small.model.named_parameters()}
    wide = Phase1(replace(PHASE1, autoencoder=replace(TINY, latent_dim=24)), tmp_path / "wide")
    with pytest.raises(BundleError, match=r"is \[16, .*\], expected \[24, "):
        wide.begin_with(weights, "small.pt")
    del weights["dec.input.input"]
    with pytest.raises(BundleError, match=r"lacks \['dec.input.input'\]"):
        small.begin_with(weights, "small.pt")


def test_picture_loss_is_zero_for_the_same_picture_and_weighs_regions():
    picture = torch.rand(1, 3, 32, 32)
    even = torch.ones(1, 1, 32, 32)
    assert picture_loss(picture, picture, even) == 0
    spoiled = picture.clone()
    spoiled[..., 8:16, 8:16] += 0.5
    inside = even.clone()
    inside[..., 4:20, 4:20] = 3
    assert picture_loss(spoiled, picture, inside) > 2 * picture_loss(spoiled, picture, even)


def test_structure_loss_is_zero_for_the_same_picture_and_grows_with_blur():
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    even = torch.ones(1, 1, 32, 32)
    assert structure_loss(picture, picture, even) == pytest.approx(0, abs=1e-5)
    flat = torch.full_like(picture, 0.3)
    assert structure_loss(flat, flat, even) == pytest.approx(0, abs=1e-5)
    blurred = [F.avg_pool2d(picture, size, 1, size // 2, count_include_pad=False) for size in (3, 5, 9)]
    lost = [float(structure_loss(each, picture, even)) for each in blurred]
    assert 0.05 < lost[0] < lost[1] < lost[2] < 1
    # A change of brightness is little of a loss, about middle grey (zero) as well as elsewhere.
    for grey in (-0.4, 0.0, 0.4):
        darker, brighter = (0.2 * picture + grey + change for change in (-0.1, 0.1))
        assert structure_loss(brighter, darker, even) < 0.1 * lost[1]
    assert structure_loss(-picture, picture, even) > 1


def test_structure_loss_counts_only_where_it_is_asked_for():
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    spoiled = picture.clone()
    spoiled[..., 20:] = 0
    left, right, nowhere = torch.zeros(3, 1, 1, 32, 32)
    left[..., :16] = 1
    right[..., 24:] = 1
    assert structure_loss(spoiled, picture, left) == pytest.approx(0, abs=1e-5)
    assert structure_loss(spoiled, picture, right) > 0.5
    assert structure_loss(spoiled, picture, nowhere) == 0


def test_the_mask_is_asked_to_hide_between_the_lips_and_to_show_elsewhere():
    openings = torch.zeros(1, 1, 8, 8)
    openings[..., 4:, :] = 1
    even = torch.ones_like(openings)
    right = [1 - F.adaptive_avg_pool2d(openings, size) for size in (4, 8)]
    wrong = [1 - mask for mask in right]
    sizes = [F.adaptive_avg_pool2d(openings, size) for size in (4, 8)]
    assert mask_loss(right, sizes, even) == 0
    assert mask_loss(wrong, sizes, even) > 1
    # Showing elsewhere is asked of the finest level alone.
    assert mask_loss([torch.zeros(1, 1, 4, 4), right[1]], sizes, even) == 0


def talking_clip(seed: int) -> Clip:
    """A tone that comes and goes, and a jaw that opens with it."""
    generator = np.random.default_rng(seed)
    num_frames = 150
    loud = np.repeat(generator.random(num_frames // 5) < 0.5, 5)
    envelope = np.repeat(loud, 640) * 0.3
    pcm = (envelope * np.sin(np.arange(num_frames * 640) * 2 * np.pi * 300 / 16000)).astype(np.float32)
    motion = np.zeros((num_frames, 15), np.float32)
    motion[:, 3] = loud * 0.8
    return Clip(pcm=pcm, motion=motion, emotion=4, speech_mask=loud, phones=())


def test_phase2_learns_to_open_the_mouth_with_the_sound(tmp_path: Path):
    basis = torch.linalg.qr(torch.randn(16, 15, generator=torch.Generator().manual_seed(0))).Q
    training = Phase2(PHASE2, basis, tmp_path)
    clips, held_out = [talking_clip(seed) for seed in range(6)], [talking_clip(seed) for seed in (50, 51)]
    before = training.validate(held_out)["r_jaw"]
    training.run(clips, held_out)
    flow = losses(tmp_path / "phase2.jsonl", "along")
    assert flow[-1] < 0.7 * flow[0]
    assert training.metrics["r_jaw"] > max(0.6, before + 0.4)
    resumed = Phase2(PHASE2, basis, tmp_path)
    assert resumed.step == 250
    assert load_checkpoint(tmp_path / "phase2.pt")["motion_names"][3] == "jaw"


def test_a_window_holds_the_sound_around_its_frames():
    clip = talking_clip(1)
    sampler = WindowSampler([clip], PHASE2.windows, 15)
    windows = sampler.draw(np.random.default_rng(3), clean=True)
    num_frames = windows.motion.shape[1] - 10
    assert windows.pcm.shape == (len(windows.motion), (8 + 10 + num_frames + 2) * 640)
    whole = np.concatenate([np.zeros(18 * 640, np.float32), clip.pcm, np.zeros(640 * 60, np.float32)])
    for pcm in windows.pcm.numpy():
        starts = range(0, len(whole) - len(pcm), 640)
        assert any(np.array_equal(pcm, whole[start : start + len(pcm)]) for start in starts)


def test_a_checkpoint_of_another_size_or_kind_is_named_on_resuming(tmp_path: Path):
    basis = torch.eye(16, 15)
    Phase1(PHASE1, tmp_path).save()
    with pytest.raises(BundleError, match=r"phase1\.pt: .* is \[16, .*\], expected \[24, "):
        Phase1(replace(PHASE1, autoencoder=replace(TINY, latent_dim=24)), tmp_path)
    Phase2(PHASE2, basis, tmp_path).save()
    wide = replace(PHASE2, flow=replace(PHASE2.flow, hidden_dim=64))
    with pytest.raises(BundleError, match=r"phase2\.pt: .* is \[.*\], expected \["):
        Phase2(wide, basis, tmp_path)
    (tmp_path / "phase2_averaged.pt").replace(tmp_path / "phase2.pt")
    with pytest.raises(BundleError, match=r"another kind of checkpoint: it lacks \['model', 'optimizer'\]"):
        Phase2(PHASE2, basis, tmp_path)
