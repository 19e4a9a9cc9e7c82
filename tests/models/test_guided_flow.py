"""The exported form of a guided evaluation gives what the plain form gives, for fewer rows."""

import itertools

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models.flow_transformer import Condition, FlowConfig, FlowTransformer
from models.guided_flow import GuidedFlow, first_rows
from tests.golden import arrays, fill, relative_error, weights

SMALL = FlowConfig(latent_dim=16, audio_feature_dim=8, hidden_dim=32, depth=3, num_heads=2, window_frames=20)
BATCH = 2


@pytest.fixture(scope="module")
def transformer() -> FlowTransformer:
    torch.manual_seed(0)
    return FlowTransformer(SMALL).eval()


def window(num_frames: int, config: FlowConfig = SMALL, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, Condition]:
    """Noisy motion, times and conditions of random numbers."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(BATCH, *shape, generator=generator)

    condition = Condition(
        normal(num_frames, config.audio_feature_dim),
        normal(config.carried_frames, config.latent_dim),
        normal(config.carried_frames, config.audio_feature_dim),
        normal(config.latent_dim),
        normal(config.num_emotions),
    )
    return normal(num_frames, config.latent_dim), torch.rand(BATCH, generator=generator), condition


def scales(audio: float, emotion: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((BATCH,), audio), torch.full((BATCH,), emotion)


def plain_form(transformer: FlowTransformer, *inputs: object) -> torch.Tensor:
    return transformer.guided(*inputs)[:, transformer.config.carried_frames :]  # type: ignore[arg-type]


@pytest.mark.parametrize("skips_branches", [True, False])
@pytest.mark.parametrize(("audio", "emotion"), [*itertools.product((0.0, 1.0, 2.0, 3.5), (0.0, 1.0, 2.0, 5.0))])
@torch.inference_mode()
def test_any_guidance_gives_the_plain_forms_velocity(
    transformer: FlowTransformer, audio: float, emotion: float, skips_branches: bool
) -> None:
    inputs = (*window(7), *scales(audio, emotion))
    found = GuidedFlow(transformer, skips_branches=skips_branches)(*inputs)
    expected = plain_form(transformer, *inputs)
    assert found.shape == expected.shape == (BATCH, 7, SMALL.latent_dim)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("num_frames", [1, 2, 20])
@pytest.mark.parametrize("depth", [1, 3, 8])
@torch.inference_mode()
def test_any_depth_and_length(num_frames: int, depth: int) -> None:
    torch.manual_seed(depth)
    config = FlowConfig(latent_dim=16, audio_feature_dim=8, hidden_dim=32, depth=depth, num_heads=2, window_frames=20)
    transformer = FlowTransformer(config).eval()
    inputs = (*window(num_frames, config), *scales(2.0, 1.5))
    expected = plain_form(transformer, *inputs)
    assert (GuidedFlow(transformer)(*inputs) - expected).abs().max() < 1e-5 * expected.abs().max()


@torch.inference_mode()
def test_streams_of_one_batch_may_ask_for_different_guidance(transformer: FlowTransformer) -> None:
    inputs = (*window(5), torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]))
    expected = plain_form(transformer, *inputs)
    assert (GuidedFlow(transformer)(*inputs) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_blocks_read_no_row_that_nothing_asks_for() -> None:
    assert first_rows(FlowConfig()) == [0, 0, 0, 0, 2, 4, 6, 8, 10]
    assert first_rows(FlowConfig(depth=4)) == [2, 4, 6, 8, 10]
    assert first_rows(FlowConfig(depth=1, carried_frames=1)) == [0, 1]


def num_flops(run: object, *inputs: object) -> int:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        run(*inputs)  # type: ignore[operator]
    return counter.get_total_flops()


def test_scales_of_one_cost_a_third_and_guidance_less_than_it_did(transformer: FlowTransformer) -> None:
    guided = GuidedFlow(transformer)
    every_branch = num_flops(guided, *window(20), *scales(2.0, 1.0))
    assert every_branch < 0.85 * num_flops(transformer.guided, *window(20), *scales(2.0, 1.0))
    assert num_flops(guided, *window(20), *scales(1.0, 1.0)) < 0.45 * every_branch


@pytest.mark.slow
@torch.inference_mode()
def test_the_released_programs_velocities_at_official_size() -> None:
    guided = GuidedFlow(fill(FlowTransformer(FlowConfig()), "fmt."))  # type: ignore[arg-type]
    golden, audio = arrays("flow"), torch.from_numpy(weights.series(0, 4, 130, 512, 1.0)[None])
    noise = torch.from_numpy(np.random.default_rng([0, 5]).standard_normal((3, 50, 512)).astype(np.float32))
    reference, emotion = (torch.from_numpy(golden[name].reshape(1, -1)) for name in ("r_s", "we"))
    condition = Condition(audio[:, :50], noise[1:2, :10], audio[:, 50:60], reference, emotion)
    velocity = guided(noise[:1], torch.tensor([0.3]), condition, torch.tensor([2.0]), torch.tensor([1.0]))
    assert relative_error(velocity, golden["guided"][:, 10:]) < 1e-5
