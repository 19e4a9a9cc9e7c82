"""The emotion classifier: a clip of sound to seven probabilities.

In:  pcm [B, samples] at 16 kHz, normalised, not padded
Out: probabilities [B, 7] in the order of contract.spec.EMOTIONS
Source: the published wav2vec2 speech emotion classifier that FLOAT uses; its config.json gives the sizes.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from contract.spec import EMOTIONS

if TYPE_CHECKING:
    from transformers import Wav2Vec2Model


class ClassificationHead(nn.Module):
    """Dense, tanh, projection to the labels."""

    def __init__(self, hidden_dim: int, num_labels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_dim, hidden_dim)
        self.out_proj = nn.Linear(hidden_dim, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(torch.tanh(self.dense(x)))


class EmotionClassifier(nn.Module):
    """wav2vec2, pooled over time, and a head.

    pooling_mode: mean, sum or max, as the folder's config.json says
    """

    def __init__(self, wav2vec2: "Wav2Vec2Model", pooling_mode: str = "mean") -> None:
        super().__init__()
        assert pooling_mode in ("mean", "sum", "max"), f"pooling_mode {pooling_mode!r}, expected mean, sum or max"
        self.wav2vec2 = wav2vec2
        self.classifier = ClassificationHead(wav2vec2.config.hidden_size, len(EMOTIONS))
        self.pooling_mode = pooling_mode

    def forward(self, pcm: Tensor) -> Tensor:
        hidden = self.wav2vec2(pcm).last_hidden_state  # [B, T, hidden]
        pooled = {
            "mean": lambda: hidden.mean(1),
            "sum": lambda: hidden.sum(1),
            "max": lambda: hidden.max(1).values,
        }[self.pooling_mode]()
        return torch.softmax(self.classifier(pooled), -1)
