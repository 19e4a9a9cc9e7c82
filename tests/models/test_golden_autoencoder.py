"""The auto-encoder at official size gives the released program's latents and frames."""

import json

import numpy as np
import pytest
import torch

from models.autoencoder_config import AutoencoderConfig
from models.motion_autoencoder import MotionAutoencoder
from tests.golden import FOLDER, arrays, fill, relative_error, weights

LATENT_TOLERANCE = 1e-5
FRAME_TOLERANCE = 1e-3
PREFIX = "motion_autoencoder."
KNOWN_UNUSED = ("noise.weight", "to_rgb1.")


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "folded"])
def autoencoder(request):
    return fill(MotionAutoencoder(AutoencoderConfig(folded=request.param)), PREFIX)


@pytest.fixture(scope="module")
def golden():
    return arrays("autoencoder")


@torch.inference_mode()
def test_portrait_encoder(autoencoder, golden):
    identity, coefficients, motion, features = autoencoder.encode(torch.from_numpy(weights.image()))
    assert relative_error(identity, golden["s_r"]) < LATENT_TOLERANCE
    assert relative_error(coefficients, golden["lam"]) < LATENT_TOLERANCE
    assert relative_error(motion, golden["r_s"]) < LATENT_TOLERANCE
    assert relative_error(autoencoder.dec.direction.orthonormal(), golden["basis"]) < LATENT_TOLERANCE
    assert [feature.shape[-1] for feature in features] == [8, 16, 32, 64, 128, 256, 512]
    assert relative_error(torch.stack([f.mean() for f in features]), golden["feat_mean"]) < LATENT_TOLERANCE
    assert relative_error(torch.stack([f.std() for f in features]), golden["feat_std"]) < LATENT_TOLERANCE


@torch.inference_mode()
def test_frames(autoencoder, golden):
    identity, _, _, features = autoencoder.encode(torch.from_numpy(weights.image()))
    for index, motion in enumerate(golden["r_d"]):
        frame = autoencoder.dec(identity, torch.from_numpy(motion[None]), features)[0].numpy()
        assert np.abs(frame.reshape(-1)[golden["pixel_index"]] - golden["pixels"][index]).max() < FRAME_TOLERANCE
        assert abs(frame.mean() - golden["frame_mean"][index]) < FRAME_TOLERANCE
        assert abs(frame.std(ddof=1) - golden["frame_std"][index]) < FRAME_TOLERANCE


@torch.inference_mode()
def test_finest_map_may_be_projected_beforehand(autoencoder, golden):
    identity, _, _, features = autoencoder.encode(torch.from_numpy(weights.image()))
    motion = torch.from_numpy(golden["r_d"][:1])
    frame = autoencoder.dec(identity, motion, features)
    projected = [*features[:-1], autoencoder.dec.to_rgbs[-1].project(features[-1])]
    assert projected[-1].shape == (1, 3, 512, 512)
    assert (autoencoder.dec(identity, motion, projected, finest_projected=True) - frame).abs().max() < 1e-5


def test_parameter_names_are_the_checkpoints():
    names = json.loads((FOLDER / "state_dict.json").read_text())["parameters"]
    released = {name: shape for name, shape in names.items() if name.startswith(PREFIX)}
    with torch.device("meta"):
        ours = MotionAutoencoder(AutoencoderConfig())
    shapes = {PREFIX + name: list(p.shape) for name, p in ours.named_parameters()}
    assert shapes.items() <= released.items()
    unused = released.keys() - shapes.keys()
    assert all(any(part in name for part in KNOWN_UNUSED) for name in unused), sorted(unused)
