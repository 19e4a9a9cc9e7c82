"""The sampler, its windows and its solver, with the official network: the released program's sequence comes out."""

import numpy as np
import pytest
import torch

from contract.spec import AvatarSpec
from engines.base import Array
from export.components import FlowTransformerComponent
from models.flow_transformer import FlowConfig, FlowTransformer
from pipeline.motion_sampler import WindowSettings, first_state, sample_window
from tests.fakes import FakeEngine
from tests.golden import arrays, fill, weights

NUM_FRAMES = 130
OFFICIAL = AvatarSpec(
    image_size_px=512,
    latent_dim=512,
    num_motion_directions=20,
    audio_feature_dim=512,
    pyramid_channels=(512, 512, 512, 256, 128, 64, 32),
)


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    transformer = FlowTransformer(FlowConfig())
    fill(transformer, "fmt.")
    component = FlowTransformerComponent(transformer).eval()
    signature = OFFICIAL.signature("flow_transformer")

    @torch.inference_mode()
    def evaluate(inputs: dict[str, Array]) -> dict[str, Array]:
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in inputs.items()}
        return {"velocity": component(*(tensors[tensor.name] for tensor in signature.inputs)).numpy()}

    return FakeEngine(signature, evaluate)


@pytest.mark.slow
def test_windows_of_50_50_and_30_frames_give_the_released_programs_motion(engine: FakeEngine) -> None:
    golden = arrays("flow")
    audio = weights.series(0, 4, NUM_FRAMES, 512, 1.0)
    noise = np.random.default_rng([0, 5]).standard_normal((3, 50, 512)).astype(np.float32)
    flow = engine.bind(reference_motion=golden["r_s"].reshape(1, 512).astype(np.float32))
    emotion = golden["we"].reshape(7).astype(np.float32)
    settings = WindowSettings(
        hop_frames=50, lookahead_frames=0, euler_points=10, audio_guidance=2.0, emotion_guidance=1.0
    )
    state, drawn = first_state(OFFICIAL), []
    for start, rows in zip(range(0, NUM_FRAMES, 50), noise, strict=True):
        motion, state = sample_window(flow, settings, state, audio[start : start + 50], emotion, rows)
        drawn.append(motion)
    found = np.concatenate(drawn)
    expected = golden["sample"][0]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-5
