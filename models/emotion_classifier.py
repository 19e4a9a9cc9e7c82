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
        hidden = self.hear(pcm)  # [B, T, hidden]
        pooled = {
            "mean": lambda: hidden.mean(1),
            "sum": lambda: hidden.sum(1),
            "max": lambda: hidden.max(1).values,
        }[self.pooling_mode]()
        return torch.softmax(self.classifier(pooled), -1)

    def hear(self, pcm: Tensor) -> Tensor:
        """wav2vec2's last hidden state: [B, samples] to [B, T, hidden].

        Called as a whole, wav2vec2 leaves a mask of nothing in an exported file. Engines then don't fuse attention, and
        a minute of sound takes gigabytes.
        """
        encoder = self.wav2vec2.encoder
        is_normed_last = self.wav2vec2.config.do_stable_layer_norm
        x, _ = self.wav2vec2.feature_projection(self.wav2vec2.feature_extractor(pcm).transpose(1, 2))
        x = x + encoder.pos_conv_embed(x)
        x = x if is_normed_last else encoder.layer_norm(x)
        for layer in encoder.layers:
            output = layer(x)
            x = output[0] if isinstance(output, tuple) else output
        x = encoder.layer_norm(x) if is_normed_last else x
        hidden: Tensor = x if self.wav2vec2.adapter is None else self.wav2vec2.adapter(x)
        return hidden
