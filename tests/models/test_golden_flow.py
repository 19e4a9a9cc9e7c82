"""The flow transformer at official size gives the released program's velocities and sequences."""

import itertools
import json

import numpy as np
import pytest
import torch

from models.flow_transformer import Condition, FlowConfig, FlowTransformer
from tests.golden import FOLDER, arrays, fill, relative_error, weights

TOLERANCE = 1e-5
WINDOW, CARRIED, WIDTH = 50, 10, 512


@pytest.fixture(scope="module")
def transformer():
    return fill(FlowTransformer(FlowConfig()), "fmt.")


@pytest.fixture(scope="module")
def golden():
    return arrays("flow")


@pytest.fixture(scope="module")
def audio():
    return torch.from_numpy(weights.series(0, 4, 130, WIDTH, 1.0)[None])


@pytest.fixture(scope="module")
def noise():
    values = np.random.default_rng([0, 5]).standard_normal((3, WINDOW, WIDTH)).astype(np.float32)
    return torch.from_numpy(values)


def fixed(golden):
    return torch.from_numpy(golden["r_s"].reshape(1, WIDTH)), torch.from_numpy(golden["we"].reshape(1, 7))


def scale(value):
    return torch.tensor([value])


@torch.inference_mode()
def test_one_guided_evaluation(transformer, golden, audio, noise):
    condition = Condition(audio[:, :50], noise[1:2, :10], audio[:, 50:60], *fixed(golden))
    velocity = transformer.guided(noise[:1], scale(0.3), condition, scale(2.0), scale(1.0))
    assert relative_error(velocity, golden["guided"]) < TOLERANCE


@torch.inference_mode()
def test_plain_and_strongly_guided_evaluations(transformer, golden, audio, noise):
    nothing = torch.zeros(1, CARRIED, WIDTH)
    condition = Condition(audio[:, :50], nothing, nothing, *fixed(golden))
    assert relative_error(transformer.evaluate(noise[:1], scale(0.7), condition), golden["plain"]) < TOLERANCE
    # With scales of 1 guidance is the plain evaluation.
    same = transformer.guided(noise[:1], scale(0.7), condition, scale(1.0), scale(1.0))
    assert relative_error(same, golden["plain"]) < TOLERANCE
    strong = transformer.guided(noise[:1], scale(0.7), condition, scale(3.0), scale(5.0))
    assert relative_error(strong, golden["strong"]) < TOLERANCE


@torch.inference_mode()
def test_sequence_of_three_windows(transformer, golden, audio, noise):
    """The 130-frame sequence: two whole windows, and a short one filled up with its last feature."""
    reference, emotion = fixed(golden)
    carried_motion = carried_audio = torch.zeros(1, CARRIED, WIDTH)
    kept = []
    for window, start in enumerate(range(0, 130, WINDOW)):
        features = audio[:, start : start + WINDOW]
        num_frames = features.shape[1]
        features = torch.cat([features, features[:, -1:].expand(-1, WINDOW - num_frames, -1)], 1)
        condition = Condition(features, carried_motion, carried_audio, reference, emotion)
        x = noise[window : window + 1]
        times = torch.linspace(0, 1, 10)
        for now, then in itertools.pairwise(times):
            velocity = transformer.guided(x, now[None], condition, scale(2.0), scale(1.0))
            x = x + (then - now) * velocity[:, CARRIED:]
        kept.append(x[:, :num_frames])
        carried_motion, carried_audio = x[:, -CARRIED:], features[:, -CARRIED:]
    assert relative_error(torch.cat(kept, 1), golden["sample"]) < TOLERANCE


def test_parameter_names_are_the_checkpoints():
    names = json.loads((FOLDER / "state_dict.json").read_text())["parameters"]
    released = {name: shape for name, shape in names.items() if name.startswith("fmt.")}
    with torch.device("meta"):
        ours = FlowTransformer(FlowConfig())
    shapes = {"fmt." + name: list(p.shape) for name, p in ours.named_parameters()}
    # The position table is fixed: we compute it.
    assert shapes == {name: shape for name, shape in released.items() if name != "fmt.pos_embed"}
    assert list(ours.pos_embed.shape) == released["fmt.pos_embed"]
