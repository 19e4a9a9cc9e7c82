"""The flow matching transformer: the velocity of a window of motion latents.

In:  noisy motion, sound and emotion of a window, what was carried over, the portrait's motion, a time in [0, 1]
Out: velocity, after guidance
Source: FLOAT (ICCV 2025) section 3.2; DiT blocks with a modulation a frame.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_NORM_EPSILON = 1e-6
_NUM_TIME_FREQUENCIES = 128


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of the transformer; the defaults are FLOAT's official ones.

    attention_reach: frames that attention sees on either side
    """

    latent_dim: int = 512
    audio_feature_dim: int = 512
    num_emotions: int = 7
    hidden_dim: int = 1024
    depth: int = 8
    num_heads: int = 8
    mlp_ratio: int = 4
    window_frames: int = 50
    carried_frames: int = 10
    attention_reach: int = 2

    @property
    def num_tokens(self) -> int:
        """Carried and new frames of a whole window."""
        return self.carried_frames + self.window_frames


EMBEDDED_FLOW = FlowConfig(latent_dim=128, audio_feature_dim=64, hidden_dim=256, depth=4, num_heads=4)


@dataclass
class Condition:
    """What a window is drawn from.

    audio: [B, N, A]; carried_motion: [B, 10, D]; carried_audio: [B, 10, A]; reference: [B, D]; emotion: [B, 7]
    """

    audio: Tensor
    carried_motion: Tensor
    carried_audio: Tensor
    reference: Tensor
    emotion: Tensor


class TokenEmbedding(nn.Module):
    """Motion latents to tokens."""

    def __init__(self, in_features: int, hidden_dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_features, hidden_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class TimeEmbedding(nn.Module):
    """Time in [0, 1] to [B, hidden]: cosines, then sines, then two linear layers."""

    frequencies: Tensor

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * _NUM_TIME_FREQUENCIES, hidden_dim), nn.SiLU(), nn.Linear(hidden_dim, hidden_dim)
        )
        steps = torch.arange(_NUM_TIME_FREQUENCIES, dtype=torch.float32) / _NUM_TIME_FREQUENCIES
        self.register_buffer("frequencies", torch.exp(-math.log(10000) * steps), persistent=False)

    def forward(self, time: Tensor) -> Tensor:
        angles = time[:, None].float() * self.frequencies
        return self.mlp(torch.cat([angles.cos(), angles.sin()], -1))


class LocalAttention(nn.Module):
    """Attention to the frames at most `reach` away."""

    def __init__(self, hidden_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(hidden_dim, 3 * hidden_dim)
        self.proj = nn.Linear(hidden_dim, hidden_dim)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: [B, N, H]; mask: [N, N], 0 where attention may go and -inf elsewhere."""
        batch, num_tokens, hidden_dim = x.shape
        qkv = self.qkv(x).reshape(batch, num_tokens, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]  # [B, heads, N, head_dim]
        weights = torch.softmax((q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1) + mask.to(q.dtype), -1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, num_tokens, hidden_dim))


class Mlp(nn.Module):
    """Two linear layers around a tanh-GELU."""

    def __init__(self, hidden_dim: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden_dim, ratio * hidden_dim)
        self.fc2 = nn.Linear(ratio * hidden_dim, hidden_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without weights, then scale and shift, each [B, N, H]."""
    return F.layer_norm(x, x.shape[-1:], eps=_NORM_EPSILON) * scale + shift


class Block(nn.Module):
    """A DiT block whose modulation differs from frame to frame."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.attn = LocalAttention(config.hidden_dim, config.num_heads)
        self.mlp = Mlp(config.hidden_dim, config.mlp_ratio)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(config.hidden_dim, 6 * config.hidden_dim))

    def forward(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        parts = self.adaLN_modulation(condition).chunk(6, -1)
        shift_attention, scale_attention, gate_attention, shift_mlp, scale_mlp, gate_mlp = parts
        x = x + gate_attention * self.attn(modulated(x, shift_attention, 1 + scale_attention), mask)
        return x + gate_mlp * self.mlp(modulated(x, shift_mlp, 1 + scale_mlp))


class VelocityHead(nn.Module):
    """Tokens to velocities."""

    def __init__(self, hidden_dim: int, out_features: int) -> None:
        super().__init__()
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(hidden_dim, 2 * hidden_dim))
        self.linear = nn.Linear(hidden_dim, out_features)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(condition).chunk(2, -1)
        return self.linear(modulated(x, shift, 1 + scale))


class FlowTransformer(nn.Module):
    """Velocity of the new frames of a window, and of the carried ones before them."""

    pos_embed: Tensor
    alignment_mask: Tensor

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.x_embedder = TokenEmbedding(config.latent_dim, config.hidden_dim)
        self.t_embedder = TimeEmbedding(config.hidden_dim)
        self.c_embedder = nn.Linear(
            config.latent_dim + config.audio_feature_dim + config.num_emotions, config.hidden_dim
        )
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.decoder = VelocityHead(config.hidden_dim, config.latent_dim)
        self.register_buffer("pos_embed", _position_table(config.num_tokens, config.hidden_dim), persistent=False)
        self.register_buffer("alignment_mask", _reach_mask(config.num_tokens, config.attention_reach), persistent=False)

    def evaluate(self, noisy: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """One plain evaluation: velocities [B, 10 + N, D], carried rows first.

        noisy: [B, N, D], N at most the window; time: [B]
        """
        x = torch.cat([condition.carried_motion, noisy], 1)
        audio = torch.cat([condition.carried_audio, condition.audio], 1)
        num_tokens = x.shape[1]
        per_frame = torch.cat(
            [
                condition.reference[:, None].expand(-1, num_tokens, -1),
                audio,
                condition.emotion[:, None].expand(-1, num_tokens, -1),
            ],
            -1,
        )
        c = self.c_embedder(per_frame) + self.t_embedder(time)[:, None]  # [B, 10 + N, H]
        x = self.x_embedder(x) + self.pos_embed[:, :num_tokens]
        mask = self.alignment_mask[:num_tokens, :num_tokens]
        for block in self.blocks:
            x = block(x, c, mask)
        return self.decoder(x, c)

    def guided(
        self, noisy: Tensor, time: Tensor, condition: Condition, audio_guidance: Tensor, emotion_guidance: Tensor
    ) -> Tensor:
        """Velocity after guidance over sound and emotion, from one batch of three.

        audio_guidance, emotion_guidance: [B]; all else and the result as in `evaluate`.
        """
        tripled = Condition(
            audio=torch.cat([torch.zeros_like(condition.audio), condition.audio, condition.audio]),
            carried_motion=condition.carried_motion.repeat(3, 1, 1),
            carried_audio=condition.carried_audio.repeat(3, 1, 1),
            reference=condition.reference.repeat(3, 1),
            emotion=torch.cat([torch.zeros_like(condition.emotion).repeat(2, 1), condition.emotion]),
        )
        velocity = self.evaluate(noisy.repeat(3, 1, 1), time.repeat(3), tripled)
        none, audio, everything = velocity.unflatten(0, (3, noisy.shape[0])).unbind(0)
        a, e = audio_guidance[:, None, None], emotion_guidance[:, None, None]
        return none + a * (audio - none) + e * (everything - audio)


def _position_table(num_tokens: int, hidden_dim: int) -> Tensor:
    """Sinusoids by position: even columns sine, odd columns cosine. [1, tokens, hidden]."""
    positions = torch.arange(num_tokens, dtype=torch.float64)[:, None]
    rates = torch.exp(-math.log(10000) * torch.arange(0, hidden_dim, 2, dtype=torch.float64) / hidden_dim)
    table = torch.zeros(num_tokens, hidden_dim, dtype=torch.float64)
    table[:, 0::2] = torch.sin(positions * rates)
    table[:, 1::2] = torch.cos(positions * rates)
    return table[None].float()


def _reach_mask(num_tokens: int, reach: int) -> Tensor:
    """[N, N] added to attention scores: 0 within reach, -inf beyond."""
    index = torch.arange(num_tokens)
    beyond = (index[:, None] - index[None]).abs() > reach
    return torch.zeros(num_tokens, num_tokens).masked_fill(beyond, float("-inf"))
