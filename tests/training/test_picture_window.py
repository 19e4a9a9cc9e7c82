"""A window of the finer levels shows what the whole picture shows there, and is judged by the same losses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.autoencoder_config import EMBEDDED_AUTOENCODER
from models.face_anchors import NUM_ANCHORS, anchors_at
from models.frame_decoder import FlowHead
from models.motion_autoencoder import MotionAutoencoder
from models.picture_window import Window, windowed
from tests.export.tiny_avatar import anchor_inputs
from training.face_windows import draw_window
from training.painted_frames import BatchShape, PaintedBatch, draw_batch
from training.phase1_autoencoder import Phase1
from training.phase1_config import Phase1Config, Stage
from training.picture_losses import flow_loss

FACE = Window(18, 14, 60, 50)
SMALL = replace(EMBEDDED_AUTOENCODER, channels=(8, 8, 8, 8, 8, 8, 4), latent_dim=16)
LOOKS = Stage(256, 40, 1e-3, 5.0, looks_at_faces=True)
QUICKLY = replace(LOOKS, learning_rate=2e-2)


@pytest.fixture(scope="module")
def batch() -> PaintedBatch:
    return draw_batch(BatchShape(1, 2, 256, 256), np.random.default_rng(3))


@pytest.fixture
def phase1(tmp_path: Path) -> Phase1:
    config = Phase1Config(SMALL, (LOOKS,), num_people=1, num_driving=2, warm_up_steps=4, num_workers=0, autocast=False)
    training = Phase1(config, tmp_path)
    with torch.no_grad():  # flows that go somewhere
        for head in training.model.dec.to_flows:
            assert isinstance(head, FlowHead)
            head.conv.weight.mul_(10)
    return training


def test_a_window_is_the_same_part_of_every_finer_map():
    picture = torch.arange(256 * 256).reshape(1, 1, 256, 256)
    assert torch.equal(FACE.of(picture, 256), picture[..., 72:240, 56:200])
    assert FACE.of(picture[..., ::2, ::2], 128).shape == (1, 1, 84, 72)
    assert FACE.of(picture[..., ::4, ::4]).shape == (1, 1, 42, 36)
    assert windowed(FACE, 64) is None and windowed(FACE, 128) == FACE


def test_a_grown_window_stays_inside_the_picture_and_holds_the_first_one():
    assert FACE.grown(3) == Window(15, 11, 63, 53)
    assert FACE.grown(10) == Window(8, 4, 64, 60)
    assert FACE.within(FACE.grown(10)) == Window(10, 10, 52, 46)


def test_points_of_the_picture_become_points_of_the_window():
    corners = torch.tensor([[14.0, 18.0], [50.0, 60.0], [32.0, 39.0]]) / 32 - 1
    assert torch.allclose(FACE.coordinates(corners), torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]]), atol=1e-6)


def test_inside_its_edges_a_window_shows_what_the_whole_picture_shows_there():
    torch.manual_seed(0)
    model = MotionAutoencoder(SMALL, with_reader=False).eval()
    # Well inside the window: how far a flow is off can't be told of anchors outside, nor where it is wrong by an edge.
    low, high = torch.tensor([FACE.left + 8, FACE.top + 8]) / 64, torch.tensor([FACE.right - 8, FACE.bottom - 8]) / 64
    places = low + (high - low) * torch.rand(1, NUM_ANCHORS, 2)
    anchors = anchors_at(places, places + 0.02 * torch.randn(1, NUM_ANCHORS, 2), 256)
    with torch.inference_mode():
        for layer in anchor_inputs(model):
            layer.conv.weight.normal_()
        identity, features = model.enc.appearance(torch.rand(1, 3, 256, 256), torch.zeros(1, 480))
        whole = list(model.dec.levels(identity, features, anchors=anchors))
        parts = list(model.dec.levels(identity, features, window=FACE, anchors=anchors))
    for number, (all_of_it, part) in enumerate(zip(whole, parts, strict=True)):
        side = 8 * 2**number
        if side <= 64:
            assert torch.equal(part.image, all_of_it.image) and torch.equal(part.grid, all_of_it.grid)
            continue
        edge = 4 * side // 64
        inner = (..., slice(edge, -edge), slice(edge, -edge))
        assert torch.allclose(part.image[inner], FACE.of(all_of_it.image, side)[inner], atol=1e-3)
        assert torch.allclose(part.mask[inner], FACE.of(all_of_it.mask, side)[inner], atol=1e-6)
        grid = FACE.of(all_of_it.grid.permute(0, 3, 1, 2), side)
        assert torch.allclose(part.grid.permute(0, 3, 1, 2)[inner], grid[inner], atol=1e-6)


def test_what_a_window_paints_is_that_part_of_what_is_painted_whole(phase1: Phase1, batch: PaintedBatch):
    with torch.no_grad():
        whole, part = phase1.paint_from(batch), phase1.paint_from(batch, FACE)
    assert part.image.shape == (2, 3, 168, 144) and part.beneath.shape == (2, 3, 84, 72)
    # Anchors outside a window can't set right what lies inside, so that 16 pixels from its edges are not the whole's.
    inner = (..., slice(16, -16), slice(16, -16))
    off = (part.image - FACE.of(whole.image, 256))[inner].abs()
    assert off.mean() < 2e-3 and off.median() < 5e-4
    assert [grid.shape[1:3] for grid in part.grids[-3:]] == [(64, 64), (84, 72), (168, 144)]


def test_without_anchors_a_window_is_that_part_of_the_whole_but_for_its_edges(tmp_path: Path, batch: PaintedBatch):
    alone = replace(SMALL, num_anchor_features=0)
    config = Phase1Config(alone, (LOOKS,), num_people=1, num_driving=2, num_workers=0, autocast=False)
    training = Phase1(config, tmp_path)
    with torch.no_grad():
        whole, part = training.paint_from(batch), training.paint_from(batch, FACE)
    inner = (..., slice(16, -16), slice(16, -16))
    assert (part.image - FACE.of(whole.image, 256))[inner].abs().max() < 1e-4


def test_flows_of_points_are_judged_alike_in_a_window_of_all_of_it(phase1: Phase1, batch: PaintedBatch):
    everything = Window(0, 0, 64, 64)
    with torch.no_grad():
        whole, part = phase1.paint_from(batch), phase1.paint_from(batch, everything)
    here, there = (2 * each - 1 for each in (batch.driving_points, batch.source_points))
    wanted = flow_loss(whole.grids, here, there, phase1.point_weights)
    assert torch.allclose(flow_loss(part.grids, here, there, phase1.point_weights, everything), wanted)


def test_most_steps_look_at_faces_now_and_then_one_looks_at_everything():
    windows = [draw_window(1, step) for step in range(40)]
    assert windows.count(None) == 5 and windows[::8] == [None] * 5
    looked = [window for window in windows if window is not None]
    assert len(set(looked)) > 10
    assert all(0 <= each.top < each.bottom <= 64 and 0 <= each.left < each.right <= 64 for each in looked)
    assert {(each.bottom - each.top, each.right - each.left) for each in looked} == {(42, 36)}
    assert draw_window(1, 3) == windows[3]  # all processes look at the same part


def test_steps_that_look_at_faces_learn(phase1: Phase1, batch: PaintedBatch):
    losses = [phase1.train_step(batch, QUICKLY) for _ in range(40)]
    looked = [loss for step, loss in enumerate(losses) if step % 8]
    assert np.mean(looked[-6:]) < 0.9 * np.mean(looked[:6]), losses
