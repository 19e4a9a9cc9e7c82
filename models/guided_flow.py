"""One guided evaluation without work that is done twice or never read: the form that is exported.

In:  what `FlowTransformer.guided` takes
Out: its velocity of the new frames, the same numbers to rounding

Four savings, all exact:
- Modulations hang on sound, emotion and time, not on motion. A branch without emotion shares those of the carried
  frames with the branch without sound, and all new frames of the latter share one: 2 T + 1 rows instead of 3 T.
- The carried frames' velocities are dropped, and attention reaches two frames a block, so a block need only give the
  rows that later ones read.
- A branch whose weight in the result is zero is left out. With both scales 1 that leaves a plain evaluation.
- Constants (one added to a scale, attention's scale) are put into weights and biases, where they cost nothing.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.flow_transformer import Block, Condition, FlowConfig, FlowTransformer, modulated

# Which of a block's six modulations, and of the head's two, are scales.
_BLOCK_SCALES = (False, True, False, False, True, False)
_HEAD_SCALES = (False, True)


@dataclass
class _Branches:
    """The branches that are evaluated, and where each token finds its modulation.

    weights: [B, K], of each branch in the result
    rows: [B, U, H], the distinct conditions, after SiLU
    row_of_token: [K, T], an index into `rows`
    """

    weights: Tensor
    rows: Tensor
    row_of_token: Tensor

    def modulations(self, layer: nn.Module, is_scale: tuple[bool, ...], begins: tuple[int, ...]) -> list[Tensor]:
        """The parts of a modulation, each [B * K, T - begin, H]; one is added to scales."""
        linear = cast(nn.Linear, layer)
        weights, biases = linear.weight.chunk(len(is_scale)), linear.bias.chunk(len(is_scale))
        parts = []
        for weight, bias, scales, begin in zip(weights, biases, is_scale, begins, strict=True):
            distinct = F.linear(self.rows, weight, bias + 1 if scales else bias)
            index = self.row_of_token[:, begin:]
            parts.append(distinct.index_select(1, index.reshape(-1)).reshape(-1, index.shape[1], distinct.shape[2]))
        return parts


class GuidedFlow(nn.Module):
    """`FlowTransformer.guided` of the new frames, for few multiplications."""

    def __init__(self, transformer: FlowTransformer, *, skips_branches: bool = True) -> None:
        """skips_branches: leave out branches of weight zero; False keeps every shape a function of the inputs'."""
        super().__init__()
        self.transformer = transformer
        self.skips_branches = skips_branches

    def forward(
        self, noisy: Tensor, time: Tensor, condition: Condition, audio_guidance: Tensor, emotion_guidance: Tensor
    ) -> Tensor:
        """noisy: [B, N, D], N at most the window; time and guidance: [B]; returns [B, N, D]."""
        transformer, config = self.transformer, self.transformer.config
        gives = first_rows(config)
        first = gives[0]
        num_carried = config.carried_frames - first
        weights = torch.stack([emotion_guidance, audio_guidance - emotion_guidance, 1 - audio_guidance], 1)  # [B, 3]
        rows = self._conditions(time, condition, first)  # [B, 2 T + 1, H]
        branches = self._branches(weights, rows, num_carried)
        num_branches, num_tokens = branches.row_of_token.shape
        x = torch.cat([condition.carried_motion[:, first:], noisy], 1)
        x = transformer.x_embedder(x) + transformer.pos_embed[:, first : first + num_tokens]  # [B, T, H]
        x = x[:, None].expand(-1, num_branches, -1, -1).flatten(0, 1)  # [B * K, T, H]
        # From here on rows are counted from the first one that anything reads.
        for block, (begin, end) in zip(transformer.blocks, pairwise(row - first for row in gives), strict=True):
            x = _block(cast(Block, block), x, branches, (begin, end), transformer.alignment_mask)
        shift, scale = branches.modulations(transformer.decoder.adaLN_modulation[1], _HEAD_SCALES, (num_carried,) * 2)
        velocity = transformer.decoder.linear(modulated(x, shift, scale))
        velocity = velocity.unflatten(0, (noisy.shape[0], num_branches))  # [B, K, N, D]
        return (velocity * branches.weights[:, :, None, None]).sum(1)

    def _conditions(self, time: Tensor, condition: Condition, first: int) -> Tensor:
        """All distinct conditions after SiLU: with sound and emotion, with sound, with neither."""
        transformer, config = self.transformer, self.transformer.config
        embedder = transformer.c_embedder
        of_reference, of_audio, of_emotion = embedder.weight.split(
            [config.latent_dim, config.audio_feature_dim, config.num_emotions], 1
        )
        silent = F.linear(condition.reference, of_reference, embedder.bias) + transformer.t_embedder(time)  # [B, H]
        audio = torch.cat([condition.carried_audio[:, first:], condition.audio], 1)
        sounding = F.linear(audio, of_audio) + silent[:, None]  # [B, T, H]
        emotional = sounding + F.linear(condition.emotion, of_emotion)[:, None]
        return F.silu(torch.cat([emotional, sounding, silent[:, None]], 1))

    def _branches(self, weights: Tensor, rows: Tensor, num_carried: int) -> _Branches:
        """Everything, sound alone and nothing, in this order; those that count."""
        num_tokens = (rows.shape[1] - 1) // 2
        token = torch.arange(num_tokens, device=rows.device)
        sounding = token + num_tokens
        silent = torch.where(token < num_carried, sounding, 2 * num_tokens)
        row_of_token = torch.stack([token, sounding, silent])  # [3, T]
        if not self.skips_branches:
            return _Branches(weights, rows, row_of_token)
        counts = (weights != 0).any(0)  # [3]
        everything, sound, nothing = counts.split(1)
        is_read = torch.cat(
            [
                everything.expand(num_tokens),
                (sound | nothing).expand(num_carried),
                sound.expand(num_tokens - num_carried),
                nothing,
            ]
        )
        kept = counts.nonzero()[:, 0]
        place = is_read.to(torch.int64).cumsum(0) - 1
        read = rows.index_select(1, is_read.nonzero()[:, 0])
        return _Branches(weights.index_select(1, kept), read, place[row_of_token.index_select(0, kept)])


def first_rows(config: FlowConfig) -> list[int]:
    """The first token that each block reads, and at the end the first whose velocity is wanted."""
    rows = [config.carried_frames]
    for _ in range(config.depth):
        rows.insert(0, max(0, rows[0] - config.attention_reach))
    return rows


def _block(block: Block, x: Tensor, branches: _Branches, span: tuple[int, int], mask: Tensor) -> Tensor:
    """The rows of a block from `span[1]` on. x: [B * K, T - span[0], H], rows from `span[0]` on."""
    begin, end = span
    begins = (begin, begin, end, end, end, end)
    parts = branches.modulations(block.adaLN_modulation[1], _BLOCK_SCALES, begins)
    shift_attention, scale_attention, gate_attention, shift_mlp, scale_mlp, gate_mlp = parts
    num_left = end - begin
    num_tokens = x.shape[1]
    mask = mask[num_left:num_tokens, :num_tokens]
    attended = _attention(block, modulated(x, shift_attention, scale_attention), num_left, mask)
    x = x[:, num_left:] + gate_attention * attended
    return x + gate_mlp * block.mlp(modulated(x, shift_mlp, scale_mlp))


def _attention(block: Block, x: Tensor, num_left: int, mask: Tensor) -> Tensor:
    """Attention of all rows but the first `num_left` to all. x: [B * K, T, H]; mask: [T - num_left, T]."""
    attention = block.attn
    hidden_dim = x.shape[-1]
    head_dim = hidden_dim // attention.num_heads
    (weight_q, weight_k, weight_v), (bias_q, bias_k, bias_v) = (
        attention.qkv.weight.chunk(3),
        attention.qkv.bias.chunk(3),
    )
    scale = 1 / math.sqrt(head_dim)

    def heads(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.linear(rows, weight, bias).unflatten(-1, (attention.num_heads, head_dim)).transpose(1, 2)

    q = heads(x[:, num_left:], weight_q * scale, bias_q * scale)  # [B * K, heads, T - num_left, head_dim]
    k, v = heads(x, weight_k, bias_k), heads(x, weight_v, bias_v)  # [B * K, heads, T, head_dim]
    weights = torch.softmax(q @ k.transpose(-2, -1) + mask, -1)
    return attention.proj((weights @ v).transpose(1, 2).flatten(2))
