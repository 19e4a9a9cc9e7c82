"""The audio encoders: sound to one feature a frame.

In:  pcm at 16 kHz, 640 samples a frame
Out: audio features [B, F, audio_feature_dim]

`MelAudioEncoder` is the embedded avatar's: log-mel and valid convolutions, so each feature depends on a fixed stretch
of sound and any cutting of a stream gives the same numbers. `Wav2Vec2AudioEncoder` is FLOAT's: its first layer
normalises each channel over all the time it is given, or by `SoundStatistics` of sound that it is not given.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contract.packets import MODEL_RATE_HZ, SAMPLES_PER_FRAME

if TYPE_CHECKING:
    from transformers import Wav2Vec2Model

_WINDOW_SAMPLES = 400  # 25 ms
_HOP_SAMPLES = 160  # 10 ms, four a frame
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 7600.0
_POWER_FLOOR = 1e-5


@dataclass(frozen=True)
class MelAudioConfig:
    """Sizes of the embedded audio encoder. Its receptive field is fixed by the convolutions below."""

    audio_feature_dim: int = 64
    num_mels: int = 48
    hidden_dim: int = 128
    context_frames: int = 8
    lookahead_frames: int = 2


EMBEDDED_AUDIO = MelAudioConfig()


class LogMel(nn.Module):
    """Log power in mel bands, without padding: a [25 ms] window every 10 ms."""

    fourier: Tensor
    mel: Tensor

    def __init__(self, num_mels: int) -> None:
        super().__init__()
        n = torch.arange(_WINDOW_SAMPLES, dtype=torch.float64)
        window = torch.hann_window(_WINDOW_SAMPLES, periodic=True, dtype=torch.float64)
        k = torch.arange(_WINDOW_SAMPLES // 2 + 1, dtype=torch.float64)
        angle = 2 * math.pi * k[:, None] * n / _WINDOW_SAMPLES
        fourier = torch.cat([angle.cos(), -angle.sin()]) * window
        self.register_buffer("fourier", fourier[:, None].float(), persistent=False)  # [2 * 201, 1, 400]
        self.register_buffer("mel", mel_bands(num_mels), persistent=False)  # [num_mels, 201]

    def forward(self, pcm: Tensor) -> Tensor:
        """pcm: [B, samples] in [-1, 1]; returns [B, num_mels, frames of 10 ms], about unit spread."""
        real, imaginary = F.conv1d(pcm[:, None], self.fourier, stride=_HOP_SAMPLES).chunk(2, 1)
        power = F.conv1d(real.square() + imaginary.square(), self.mel[:, :, None])
        return (power + _POWER_FLOOR).log() / 4 + 0.5


def mel_bands(num_mels: int) -> Tensor:
    """Triangles of equal width on the mel scale, each of unit sum: [num_mels, 201]."""

    def to_mel(hz: Tensor) -> Tensor:
        return 2595 * torch.log10(1 + hz / 700)

    edges = torch.linspace(
        float(to_mel(torch.tensor(_LOWEST_HZ))), float(to_mel(torch.tensor(_HIGHEST_HZ))), num_mels + 2
    )
    bins = to_mel(torch.arange(_WINDOW_SAMPLES // 2 + 1) * (MODEL_RATE_HZ / _WINDOW_SAMPLES))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = torch.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clamp(min=0)
    # Low bands are narrower than a bin: give each at least its nearest bin.
    nearest = (bins[None] - centre).abs().argmin(1)
    triangles[torch.arange(num_mels), nearest] = triangles[torch.arange(num_mels), nearest].clamp(min=0.1)
    return triangles / triangles.sum(1, keepdim=True)


class MelAudioEncoder(nn.Module):
    """Log-mel and valid convolutions with a stride of four windows, one frame, in all.

    Takes 8 + F + 2 frames of sound for F features: eight before, two after.
    """

    def __init__(self, config: MelAudioConfig) -> None:
        super().__init__()
        assert (config.context_frames, config.lookahead_frames) == (8, 2), (
            f"context and look-ahead {config.context_frames, config.lookahead_frames}: the convolutions take (8, 2)"
        )
        self.config = config
        hidden = config.hidden_dim
        self.log_mel = LogMel(config.num_mels)
        self.convs = nn.ModuleList(
            [
                nn.Conv1d(config.num_mels, hidden, 5),
                nn.Conv1d(hidden, hidden, 5, stride=2),
                nn.Conv1d(hidden, hidden, 3),
                nn.Conv1d(hidden, hidden, 3, stride=2),
                nn.Conv1d(hidden, hidden, 7),
            ]
        )
        self.audio_projection = nn.Sequential(
            nn.Linear(hidden, config.audio_feature_dim), nn.LayerNorm(config.audio_feature_dim), nn.SiLU()
        )

    def forward(self, pcm: Tensor) -> Tensor:
        """pcm: [B, (8 + F + 2) * 640] in [-1, 1]; returns [B, F, audio_feature_dim]."""
        x = self.log_mel(pcm)  # [B, 48, 42 + 4 (F - 1)]
        for conv in self.convs:
            x = F.silu(conv(x))
        return self.audio_projection(x.transpose(1, 2))

    def whole_clip(self, pcm: Tensor) -> Tensor:
        """Features of every frame of a clip, silence beyond its ends. pcm: [B, F * 640]; returns [B, F, ...]."""
        before = self.config.context_frames * SAMPLES_PER_FRAME
        after = self.config.lookahead_frames * SAMPLES_PER_FRAME
        features: Tensor = self(F.pad(pcm, (before, after)))
        return features


def normalise(pcm: Tensor) -> Tensor:
    """Zero mean and unit variance over the clip, as wav2vec2 was trained: [B, samples]."""
    mean = pcm.mean(-1, keepdim=True)
    variance = pcm.var(-1, unbiased=False, keepdim=True)
    return (pcm - mean) / torch.sqrt(variance + 1e-7)


def pad_to_frames(pcm: Tensor) -> Tensor:
    """Repeat the last sample up to a whole number of frames: [B, samples] to [B, F * 640]."""
    missing = -pcm.shape[-1] % SAMPLES_PER_FRAME
    return torch.cat([pcm, pcm[:, -1:].expand(-1, missing)], -1) if missing else pcm


class SoundStatistics(NamedTuple):
    """Mean and covariance of the sound's windows of 10 samples, 5 apart: all that a linear layer's spread depends on.

    window_mean: [B, 10]
    window_root: [B, 10, 10], times its transpose it is the covariance
    """

    window_mean: Tensor
    window_root: Tensor


class Wav2Vec2AudioEncoder(nn.Module):
    """FLOAT's audio encoder: the layers of wav2vec2 side by side, projected.

    wav2vec2: a transformers Wav2Vec2Model (base size) whose first layer normalises over time and has no bias
    """

    def __init__(self, wav2vec2: "Wav2Vec2Model", audio_feature_dim: int = 512) -> None:
        super().__init__()
        self.wav2vec2 = wav2vec2
        width = wav2vec2.config.hidden_size * wav2vec2.config.num_hidden_layers
        self.audio_projection = nn.Sequential(
            nn.Linear(width, audio_feature_dim), nn.LayerNorm(audio_feature_dim), nn.SiLU()
        )

    def hidden_layers(self, pcm: Tensor, statistics: SoundStatistics | None = None) -> list[Tensor]:
        """Outputs of the transformer's layers, each [B, F, 768].

        pcm: [B, F * 640], normalised, then padded
        statistics: what the first layer normalises by; None is those of `pcm` itself
        """
        features = self._convolved(pcm, statistics).transpose(1, 2)  # [B, 2 F - 1, 512]
        # Interpolation to F points with aligned corners lands exactly on every second one.
        x, _ = self.wav2vec2.feature_projection(features[:, ::2])
        encoder = self.wav2vec2.encoder
        x = encoder.layer_norm(x + encoder.pos_conv_embed(x))
        layers = []
        for layer in encoder.layers:
            output = layer(x)
            x = output[0] if isinstance(output, tuple) else output
            layers.append(x)
        return layers

    def forward(self, pcm: Tensor, statistics: SoundStatistics | None = None) -> Tensor:
        """pcm: [B, F * 640], normalised, then padded; returns [B, F, audio_feature_dim]."""
        return self.audio_projection(torch.cat(self.hidden_layers(pcm, statistics), -1))

    def _convolved(self, pcm: Tensor, statistics: SoundStatistics | None) -> Tensor:
        if statistics is None:
            return self.wav2vec2.feature_extractor(pcm)
        layers: Any = self.wav2vec2.feature_extractor.conv_layers
        first, *others = layers
        weight, norm = first.conv.weight, first.layer_norm
        mean = statistics.window_mean @ weight[:, 0].T  # [B, 512]
        variance = (weight[:, 0] @ statistics.window_root).square().sum(-1)  # [B, 512]
        scale = norm.weight * torch.rsqrt(variance + norm.eps)
        x = F.conv1d(pcm[:, None], weight, stride=first.conv.stride)  # [B, 512, 128 F - 1]
        x = first.activation(x * scale[:, :, None] + (norm.bias - mean * scale)[:, :, None])
        for conv in others:
            x = conv(x)
        return x
