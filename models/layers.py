"""Building blocks of the motion auto-encoder (StyleGAN2 / LIA family).

Convolutions and linear layers are equalised: the stored weight has unit spread and is scaled where it is used.
Modulated convolutions scale their input by the style and their output by the demodulation factor, with one shared
weight: the same algebra as a weight a sample, but it batches and exports.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAKY_SLOPE = 0.2
_DEMODULATION_EPSILON = 1e-8


def fir_kernel(gain: float = 1.0) -> Tensor:
    """Outer product of [1, 3, 3, 1] with sum `gain`: [4, 4] float32."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps)
    return kernel / kernel.sum() * gain


def fir_filter(x: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """Filter each channel by one kernel after padding both axes with (before, after) zeros."""
    before, after = padding
    channels = x.shape[1]
    x = F.pad(x, (before, after, before, after))
    return F.conv2d(x, kernel.to(x.dtype).expand(channels, 1, -1, -1), groups=channels)


def fir_upsample(x: Tensor, kernel: Tensor) -> Tensor:
    """Double the size: a zero after each sample, padding (2, 1), filter by `kernel` (gain 4).

    Written as the transposed convolution that does all three at once (the kernel is symmetric).
    x: [B, C, H, W]; returns [B, C, 2H, 2W]
    """
    channels = x.shape[1]
    return F.conv_transpose2d(x, kernel.to(x.dtype).expand(channels, 1, -1, -1), stride=2, padding=1, groups=channels)


def scaled_leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, times sqrt(2) to keep the spread."""
    return F.leaky_relu(x, _LEAKY_SLOPE) * math.sqrt(2)


class LeakyBias(nn.Module):
    """Adds a bias a channel, then the scaled leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return scaled_leaky_relu(x + self.bias.to(x.dtype))


class FirFilter(nn.Module):
    """The fixed FIR blur with given padding."""

    kernel: Tensor

    def __init__(self, padding: tuple[int, int], gain: float = 1.0) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("kernel", fir_kernel(gain), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return fir_filter(x, self.kernel, self.padding)


class EqualConv2d(nn.Module):
    """Convolution without bias whose weight is scaled by 1/sqrt(fan in)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.scale = 1 / math.sqrt(in_channels * kernel_size**2)
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, stride=self.stride, padding=self.padding)


class EqualLinear(nn.Module):
    """Linear layer whose weight is scaled by 1/sqrt(inputs); the bias is used as it is."""

    def __init__(self, in_features: int, out_features: int, initial_bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.full((out_features,), initial_bias))
        self.scale = 1 / math.sqrt(in_features)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class ModulatedConv2d(nn.Module):
    """Convolution whose input channels are scaled by a style read from the latent; not demodulated by itself.

    up_sample: double the size by a stride-2 transposed convolution and a blur
    folded: do both in one 3x3 convolution to four phases; the same numbers to rounding
    """

    blur_kernel: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        latent_dim: int,
        *,
        up_sample: bool = False,
        folded: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out_channels, in_channels, kernel_size, kernel_size))
        self.modulation = EqualLinear(latent_dim, in_channels, initial_bias=1.0)
        self.scale = 1 / math.sqrt(in_channels * kernel_size**2)
        self.up_sample = up_sample
        self.folded = folded
        if up_sample:
            self.register_buffer("blur_kernel", fir_kernel(4.0), persistent=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x: [B, in, H, W]; style: [B, in] of `modulation`; returns [B, out, H, W], or twice that size."""
        weight = self.weight[0] * self.scale
        x = x * style[:, :, None, None].to(x.dtype)
        if not self.up_sample:
            return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if self.folded:
            return F.pixel_shuffle(F.conv2d(x, phase_weight(weight, self.blur_kernel), padding=1), 2)
        y = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return fir_filter(y, self.blur_kernel, (1, 1))

    def demodulation(self, style: Tensor) -> Tensor:
        """One over the norm of each output channel's modulated weight. style: [B, in]; returns [B, out]."""
        power = (self.weight[0] * self.scale).square().sum((2, 3))  # [out, in]
        return torch.rsqrt(F.linear(style.square(), power) + _DEMODULATION_EPSILON)


def phase_weight(weight: Tensor, blur_kernel: Tensor) -> Tensor:
    """A stride-2 transposed 3x3 convolution and its 4x4 blur as one 3x3 convolution to four phases.

    weight: [out, in, 3, 3] as stored; blur_kernel: [4, 4]
    returns [4 * out, in, 3, 3] in the channel order of `pixel_shuffle`
    """
    out_channels, in_channels = weight.shape[:2]
    # The two in a row are one transposed 6x6 convolution with this kernel, padding 2 (blur is symmetric).
    joint = F.conv2d(
        weight.reshape(-1, 1, 3, 3), blur_kernel.to(weight.dtype).flip(0, 1)[None, None], padding=3
    ).reshape(out_channels, in_channels, 6, 6)
    # Output sample 2n + phase reads inputs n - 1, n, n + 1 through taps phase + 4, phase + 2, phase.
    flipped = joint.flip(2, 3)  # taps 5 ... 0; from 1 - phase on, every second one
    phases = [flipped[:, :, 1 - py :: 2, 1 - px :: 2] for py in range(2) for px in range(2)]
    return torch.stack(phases, 1).reshape(4 * out_channels, in_channels, 3, 3)


class StyledConv(nn.Module):
    """A demodulated 3x3 convolution and its activation."""

    def __init__(
        self, in_channels: int, out_channels: int, latent_dim: int, *, up_sample: bool = False, folded: bool = False
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(in_channels, out_channels, 3, latent_dim, up_sample=up_sample, folded=folded)
        self.activate = LeakyBias(out_channels)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        """Demodulation, bias and the activation's gain in one pass over the pixels, which are what costs."""
        style = self.conv.modulation(latent)
        y = self.conv(x, style)
        gain = (self.conv.demodulation(style) * math.sqrt(2))[:, :, None, None]
        bias = self.activate.bias * math.sqrt(2)
        return F.leaky_relu(torch.addcmul(bias.to(y.dtype), y, gain.to(y.dtype)), _LEAKY_SLOPE)
