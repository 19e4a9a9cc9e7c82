"""The portrait encoder: a picture to its identity latent, motion coefficients and feature pyramid.

In:  image [B, 3, S, S] in [-1, 1]
Out: identity latent [B, latent_dim], motion coefficients [B, directions], feature maps 8 x 8 ... S x S; where motion is
    read apart, framing [B, 3] as well
Source: FLOAT (ICCV 2025) section 3.1, after LIA.
"""

import itertools
import math

from torch import Tensor, nn

from models.autoencoder_config import AutoencoderConfig
from models.face_reader import NUM_SHAPE_POINTS, FaceReader
from models.layers import EqualConv2d, EqualLinear, FirFilter, LeakyBias

# So that so many inputs together move the latent no faster than one.
_SHAPE_GAIN = 1 / math.sqrt(2 * NUM_SHAPE_POINTS)
_NUM_MOTION_LAYERS = 5


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
