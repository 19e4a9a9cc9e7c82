"""Rolled windows follow the stream they are cut from."""

import pytest
import torch

from models.audio_encoder import MelAudioConfig
from models.flow_transformer import Condition, FlowConfig
from training.speech_rolling import roll
from training.speech_to_motion import SpeechToMotion


class Straight(torch.nn.Module):
    """Velocity whose walk ends where the sound says, plus a half of the last carried frame."""

    def evaluate(self, noisy: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        target = condition.audio + 0.5 * condition.carried_motion[:, -1:]
        velocity = (target - noisy) / (1 - time[:, None, None])
        return torch.cat([condition.carried_motion, velocity], 1)


@pytest.mark.parametrize("cut", [(1, 0), (1, 3), (5, 2), (7, 0), (50, 0)])
def test_a_walk_along_straight_paths_ends_where_it_should(cut: tuple[int, int]):
    generator = torch.Generator().manual_seed(0)
    config = FlowConfig(latent_dim=6, audio_feature_dim=6, hidden_dim=16, depth=1, num_heads=2, carried_frames=10)
    model = SpeechToMotion(MelAudioConfig(audio_feature_dim=6, hidden_dim=8), config)
    model.fmt = Straight()  # type: ignore[assignment]
    sound = torch.randn(2, 23, 6, generator=generator)
    condition = Condition(
        sound, torch.zeros(2, 10, 6), torch.zeros(2, 10, 6), reference=torch.zeros(2, 6), emotion=torch.zeros(2, 7)
    )
    basis = torch.eye(6, 4)
    drawn = roll(model, basis, condition, torch.randn(2, 23, 6, generator=generator), cut)
    expected, last = [], torch.zeros(2, 6)
    for start in range(0, 23, cut[0]):
        rows = sound[:, start : start + cut[0]] + 0.5 * last[:, None]
        expected.append(rows)
        last = rows[:, -1]
    assert drawn.shape == (2, 23, 4)
    assert torch.allclose(drawn, torch.cat(expected, 1) @ basis, atol=1e-4)
