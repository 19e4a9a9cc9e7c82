"""The portrait encoder: a picture to its identity latent, motion coefficients and feature pyramid.

In:  image [B, 3, S, S] in [-1, 1]
Out: identity latent [B, latent_dim], motion coefficients [B, directions], feature maps 8 x 8 ... S x S; where motion is
    read apart, framing [B, 3] as well
Source: FLOAT (ICCV 2025) section 3.1, after LIA.
"""

import itertools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.autoencoder_config import AutoencoderConfig
from models.layers import EqualConv2d, EqualLinear, FirFilter, LeakyBias

NUM_SHAPE_POINTS = 240
_SHAPE_GAIN = 1 / math.sqrt(2 * NUM_SHAPE_POINTS)  # so that so many inputs together move the latent no faster than one
NUM_FRAMING = 3  # of the square that the face should be cut to: its middle to the right and down, and log of its side
_NUM_MOTION_LAYERS = 5
_FRAMING_UNIT = 0.1
# Left, top, right, bottom in sides of the picture, and by how much that part is made smaller: all, the mouth, the eyes.
_LOOKS = (((0.0, 0.0, 1.0, 1.0), 2), ((0.25, 0.46875, 0.75, 1.0), 1), ((0.125, 0.25, 0.875, 0.625), 1))
_LOOK_CHANNELS, _LOOK_WIDTH, _READER_WIDTH = (16, 32, 64, 96), 96, 192


class DownConv(nn.Sequential):
    """Blur, then a stride-2 convolution without padding; with activation or bare."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, activate: bool) -> None:
        padding = (2, 2) if kernel_size == 3 else (1, 1)
        layers: list[nn.Module] = [FirFilter(padding), EqualConv2d(in_channels, out_channels, kernel_size, stride=2)]
        if activate:
            layers.append(LeakyBias(out_channels))
        super().__init__(*layers)


class SameConv(nn.Sequential):
    """A convolution that keeps the size, and its activation."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__(
            EqualConv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2), LeakyBias(out_channels)
        )


class ResidualBlock(nn.Module):
    """Two convolutions beside a 1x1 one, halving the size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = SameConv(in_channels, in_channels, 3)
        self.conv2 = DownConv(in_channels, out_channels, 3, activate=True)
        self.skip = DownConv(in_channels, out_channels, 1, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2)


class AppearanceNetwork(nn.Module):
    """The convolutional trunk: feature maps from the full size down, and the identity latent."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        channels = config.channels[::-1]  # finest first, down to 4 x 4
        blocks = [ResidualBlock(a, b) for a, b in itertools.pairwise(channels)]
        last = EqualConv2d(channels[-1], config.latent_dim, 4)
        self.composites = config.composites
        self.convs = nn.ModuleList([SameConv(3, channels[0], 1), *blocks, last])

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        features: list[Tensor] = []
        x = image
        for layer in self.convs[:-1]:
            x = layer(x)
            features.append(x)
        latent = self.convs[-1](x)[:, :, 0, 0]  # [B, latent_dim]
        if self.composites:
            features[0] = image
        return latent, features[-2::-1]  # without the 4 x 4 map, 8 x 8 first


class FaceReading(NamedTuple):
    """What is read from a face.

    motion: [B, directions], coefficients of the motion basis
    framing: [B, 3], the square that the face should be cut to: its middle to the right and down, log of its side
    shape: [B, 2 * NUM_SHAPE_POINTS], where points of lips, lids, brows and skin lie, in spreads from the usual place
    """

    motion: Tensor
    framing: Tensor
    shape: Tensor


class Refinement(nn.Module):
    """Adds to features what one more convolution finds in them; nothing at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        # The norm comes last: a rectifier after it, at exactly zero, would never let a gradient through.
        return x + self.norm(F.relu(self.conv(x)))


class FaceReader(nn.Module):
    """Reads motion, framing and shape of a face with trunks of its own.

    To paint somebody and to read a face ask for different features, and they train apart: reading needs no decoder.
    The whole picture tells the head's pose and the framing; mouth and eyes are looked at closely, where they lie in a
    face that is framed as it should be. Plain convolutions with batch normalisation: they learn this in minutes.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.trunks = nn.ModuleList([_trunk(box, config.image_size_px, step) for box, step in _LOOKS])
        self.joined = nn.Sequential(nn.Linear(len(_LOOKS) * _LOOK_WIDTH, _READER_WIDTH), nn.ReLU())
        self.to_motion = nn.Linear(_READER_WIDTH, config.num_motion_directions)
        self.to_framing = nn.Linear(_READER_WIDTH, NUM_FRAMING)
        self.to_shape = nn.Linear(_READER_WIDTH, 2 * NUM_SHAPE_POINTS)

    def forward(self, image: Tensor) -> FaceReading:
        """image: [B, 3, S, S] in [-1, 1]."""
        looks = []
        for (box, step), trunk in zip(_LOOKS, self.trunks, strict=True):
            x0, y0, x1, y1 = _pixels(box, image.shape[-1])
            part = image[:, :, y0:y1, x0:x1]
            looks.append(trunk(F.avg_pool2d(part, step) if step > 1 else part))
        features = self.joined(torch.cat(looks, 1))
        return FaceReading(self.to_motion(features), self.to_framing(features) * _FRAMING_UNIT, self.to_shape(features))


def _pixels(box: tuple[float, ...], side_px: int) -> tuple[int, ...]:
    return tuple(round(share * side_px) for share in box)


def _trunk(box: tuple[float, ...], side_px: int, step: int) -> nn.Sequential:
    """Convolutions of stride 2 and a linear layer, for a part of the picture taken at 1 / step of its size."""
    x0, y0, x1, y1 = _pixels(box, side_px)
    width, height, previous = (x1 - x0) // step, (y1 - y0) // step, 3
    layers: list[nn.Module] = []
    for number, channels in enumerate(_LOOK_CHANNELS):
        layers += [nn.Conv2d(previous, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        layers += [Refinement(channels)] if number else []
        width, height, previous = (width + 1) // 2, (height + 1) // 2, channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(previous * width * height, _LOOK_WIDTH), nn.ReLU())


class PortraitEncoder(nn.Module):
    """Identity, motion and appearance of a portrait."""

    def __init__(self, config: AutoencoderConfig, *, with_reader: bool = True) -> None:
        """with_reader: False leaves out a reader that stands apart, for what needs appearance alone."""
        super().__init__()
        self.net_app = AppearanceNetwork(config)
        self.reader = FaceReader(config) if config.reads_apart and with_reader else None
        self.from_shape: nn.Linear | None = None
        if config.reads_apart:
            self.from_shape = nn.Linear(2 * NUM_SHAPE_POINTS, config.latent_dim, bias=False)
            nn.init.zeros_(self.from_shape.weight)
            return
        widths = [config.latent_dim] * _NUM_MOTION_LAYERS + [config.num_motion_directions]
        # No activation stands between these layers.
        self.fc = nn.Sequential(*[EqualLinear(a, b) for a, b in itertools.pairwise(widths)])

    def appearance(self, image: Tensor, shape: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Identity latent and feature maps.

        image: [B, 3, S, S] in [-1, 1]; shape: of its `FaceReading`, where the reader stands apart
        """
        latent, features = self.net_app(image)
        if self.from_shape is not None:
            assert shape is not None, "an encoder whose reader stands apart needs the shape that it read"
            # Where the lips are, to the pixel, is what flows need to know, and convolutions told it to a few.
            latent = latent + self.from_shape(shape * _SHAPE_GAIN)
        return latent, features

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """image: [B, 3, S, S] in [-1, 1]; returns identity latent, motion coefficients, feature maps."""
        if self.reader is None:
            latent, features = self.appearance(image)
            return latent, self.fc(latent), features
        reading = self.reader(image)
        latent, features = self.appearance(image, reading.shape)
        return latent, reading.motion, features
