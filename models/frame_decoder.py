"""The frame decoder: a latent and a portrait's feature pyramid to a frame.

In:  latent [B, latent_dim] = identity + motion, feature maps 8 x 8 ... S x S
Out: frame [B, 3, S, S], about [-1, 1], not clamped
Each level up-samples, reads a flow and a mask from its features, and lays the portrait's warped features over them.
Source: FLOAT (ICCV 2025) section 3.1, after LIA.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.autoencoder_config import AutoencoderConfig
from models.face_anchors import AnchorField, AnchorInput, AnchorMotion, Anchors, HeardAnchors
from models.flow_template import FlowTemplate
from models.layers import EqualConv2d, LeakyBias, ModulatedConv2d, StyledConv, fir_kernel, fir_upsample
from models.picture_window import WINDOWED_PX, Window, windowed


class MotionBasis(nn.Module):
    """Orthonormal motion directions: Q of the reduced QR of the stored weight."""

    baked: Tensor | None

    def __init__(self, latent_dim: int, num_directions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(latent_dim, num_directions))
        self.register_buffer("baked", None, persistent=False)

    def bake(self) -> None:
        """Keep Q as a constant: QR can't be exported."""
        with torch.no_grad():
            self.baked = self.orthonormal().clone()

    def orthonormal(self) -> Tensor:
        """[latent_dim, directions], with the signs that LAPACK gives."""
        if self.baked is not None:
            return self.baked
        return torch.linalg.qr(self.weight + 1e-8).Q

    def forward(self, coefficients: Tensor) -> Tensor:
        """coefficients: [..., directions]; returns the motion latent [..., latent_dim]."""
        return coefficients @ self.orthonormal().T


class LearnedConstant(nn.Module):
    """The 4 x 4 map that every frame begins with."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, batch: int) -> Tensor:
        return self.input.expand(batch, -1, -1, -1)


class FlowHead(nn.Module):
    """Reads where to sample the portrait's features, and how much of them to show."""

    kernel: Tensor
    base: Tensor

    def __init__(self, channels: int, latent_dim: int, size: int, *, centred: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(channels, 3, 1, latent_dim)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.register_buffer("kernel", fir_kernel(4.0), persistent=False)
        # linspace(-1, 1) is not the identity under align_corners=False; the released weights were trained with it.
        axis = torch.linspace(-1, 1, size)
        if centred:
            axis = axis * (1 - 1 / size)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("base", torch.stack([x, y], -1), persistent=False)  # [S, S, 2]

    def forward(self, x: Tensor, latent: Tensor, previous: Tensor | None) -> Tensor:
        """Raw flow [B, 3, S, S]: two channels before tanh, one before sigmoid."""
        raw = self.conv(x, self.conv.modulation(latent)).float() + self.bias
        if previous is not None:
            raw = raw + fir_upsample(previous, self.kernel)
        return raw

    def grid(self, raw: Tensor, window: Window | None = None) -> Tensor:
        """Where each pixel is sampled from, as `grid_sample` takes it: [B, S, S, 2], x and y from -1 to 1.

        window: the part of the level that raw is of
        """
        base = self.base
        if window is not None:
            base = window.of(base.permute(2, 0, 1), base.shape[0]).permute(1, 2, 0)
        return torch.tanh(raw[:, 0:2]).permute(0, 2, 3, 1) + base

    def warp(self, feature: Tensor, grid: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """The portrait's features, warped but not masked, and the mask [B, 1, S, S]."""
        mask = torch.sigmoid(raw[:, 2:3])
        sampled = F.grid_sample(feature.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return sampled, mask


class RgbHead(nn.Module):
    """Adds what a level shows to the picture so far."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(EqualConv2d(channels, 3, 1), LeakyBias(3))
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        self.register_buffer("kernel", fir_kernel(4.0), persistent=False)

    def project(self, feature: Tensor) -> Tensor:
        """The head's 1x1 convolution alone: [B, C, S, S] to [B, 3, S, S]."""
        return self.conv[0](feature)

    def forward(self, shown: Tensor, previous: Tensor | None, *, projected: bool = False) -> Tensor:
        """shown: [B, C, S, S], or [B, 3, S, S] if already projected; previous: picture of half the size."""
        colours = self.conv[1](shown if projected else self.project(shown)).float() + self.bias
        if previous is not None:
            colours = colours + fir_upsample(previous, self.kernel)
        return colours


class CompositeHead(nn.Module):
    """Lays the warped portrait over the painted picture, where the mask shows it.

    The painted picture comes from half the size; what is finer, edges of teeth and lids, is added from the features.
    So is, over all of it, what a portrait does not have and no warp can bring: lines of a frown, a lid's shadow.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = EqualConv2d(channels, 3, 1)
        self.shade = EqualConv2d(channels, 3, 1)
        nn.init.zeros_(self.shade.weight)
        self.register_buffer("kernel", fir_kernel(4.0), persistent=False)

    def project(self, feature: Tensor) -> Tensor:
        """The portrait's colours, as they are."""
        return feature

    def forward(self, x: Tensor, sampled: Tensor, mask: Tensor, painted: Tensor) -> Tensor:
        """x: features [B, C, S, S]; sampled: [B, 3, S, S], the portrait warped; mask: [B, 1, S, S]

        painted: picture of half the size
        """
        finer = fir_upsample(painted, self.kernel).to(sampled.dtype) + self.detail(x).to(sampled.dtype)
        return torch.lerp(finer, sampled, mask) + self.shade(x).to(sampled.dtype)


class Level(NamedTuple):
    """What a level of the decoder gives.

    image: [B, 3, S, S], the picture so far; grid: [B, S, S, 2], where it samples the portrait
    mask: [B, 1, S, S], how much of that it shows, 0 to 1
    """

    image: Tensor
    grid: Tensor
    mask: Tensor


class FrameDecoder(nn.Module):
    """Paints a frame from a latent and a feature pyramid."""

    def __init__(self, config: AutoencoderConfig, *, with_anchor_motion: bool = True) -> None:
        """with_anchor_motion: False leaves out what tells anchors, where it stands apart."""
        super().__init__()
        self.config = config
        channels, latent_dim = config.channels, config.latent_dim
        self.direction = MotionBasis(latent_dim, config.num_motion_directions)
        self.template = FlowTemplate(latent_dim, config.flow_template_px) if config.flow_template_px else None
        self.input = LearnedConstant(channels[0])
        self.conv1 = StyledConv(channels[0], channels[0], latent_dim)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        self.to_flows = nn.ModuleList()
        self.anchor_motion: AnchorMotion | None = None
        self.anchor_field: AnchorField | None = None
        if config.num_anchor_features:
            self.anchor_field = AnchorField(config.image_size_px, config.num_anchor_features)
            self.from_anchors = nn.ModuleList([AnchorInput(config.num_anchor_features, each) for each in channels[-2:]])
            if with_anchor_motion:
                self.anchor_motion = AnchorMotion(config.num_motion_directions, config.image_size_px)
        for level, (coarse, fine) in enumerate(itertools.pairwise(channels)):
            self.convs.append(StyledConv(coarse, fine, latent_dim, up_sample=True, folded=config.folded))
            self.convs.append(StyledConv(fine, fine, latent_dim))
            self.to_flows.append(FlowHead(fine, latent_dim, 8 * 2**level, centred=self.template is not None))
            finest = level == config.num_levels - 1
            self.to_rgbs.append(CompositeHead(fine) if finest and config.composites else RgbHead(fine))

    def levels(
        self,
        latent: Tensor,
        features: list[Tensor],
        *,
        finest_projected: bool = False,
        window: Window | None = None,
        anchors: Anchors | None = None,
    ) -> Iterator[Level]:
        """Pictures of 8 x 8, 16 x 16, ... as the levels add to them, with their flows; stop where enough.

        latent: [B, latent_dim]; features: coarsest first, at least as many as are asked for
        finest_projected: the finest map is already the RGB head's projection [B, 3, S, S]
        window: levels finer than 64 x 64 give that part alone, wrong by its edges, where convolutions see nothing
        anchors: of the frame, where the decoder hears them
        """
        assert (anchors is None) == (self.anchor_field is None), "anchors go to a decoder that hears them"
        x = self.conv1(self.input(latent.shape[0]), latent)
        heard: HeardAnchors | None = None
        raw: Tensor | None = None
        image: Tensor | None = None
        templates = None if self.template is None else self.template.levels(latent, self.config.num_levels)
        for level in range(self.config.num_levels):
            side = 8 * 2**level
            part = windowed(window, side)
            if part is not None and side == 2 * WINDOWED_PX:
                assert raw is not None and image is not None
                x, raw, image = part.of(x), part.of(raw), part.of(image)
            x = self.convs[2 * level](x, latent)
            if self.anchor_field is not None and anchors is not None and level >= self.config.num_levels - 2:
                heard = heard or self.anchor_field(anchors, part)
                x = self.from_anchors[level + 2 - self.config.num_levels](x, heard)
            x = self.convs[2 * level + 1](x, latent)
            finest = level == self.config.num_levels - 1
            feature, flow, head = features[level], self.to_flows[level], self.to_rgbs[level]
            assert isinstance(flow, FlowHead) and isinstance(head, RgbHead | CompositeHead)
            if finest and not finest_projected:
                # A 1x1 convolution commutes with sampling and with the mask, and nothing else reads the finest map.
                feature = head.project(feature)
            raw = flow(x, latent, raw)
            flowing = raw
            if templates is not None:
                template = next(templates)
                flowing = raw + (template if part is None else part.of(template, side))
            if heard is not None and not finest:
                # Finer levels begin with this one's flow.
                set_right = heard.correction(torch.tanh(flowing[:, :2]))
                raw, flowing = raw + set_right, flowing + set_right
            grid = flow.grid(flowing, part)
            sampled, mask = flow.warp(feature, grid, flowing)
            if isinstance(head, CompositeHead):
                assert image is not None, "a composite needs a painted picture"
                yield Level(head(x, sampled, mask, image), grid, mask)
                return
            sampled, mask = sampled.to(x.dtype), mask.to(x.dtype)
            if finest:
                image = head(sampled * mask, image, projected=True)
            else:
                x = torch.lerp(x, sampled, mask)
                image = head(x if level < self.config.num_blended_levels else sampled * mask, image)
            yield Level(image, grid, mask)

    def forward(
        self,
        identity: Tensor,
        motion: Tensor,
        features: list[Tensor],
        face: Tensor | None = None,
        *,
        finest_projected: bool = False,
    ) -> Tensor:
        """The frame [B, 3, S, S].

        identity, motion: [B, latent_dim]; features: coarsest first
        face: [B, num_face_values], what was read of the portrait's, where the decoder hears anchors
        """
        anchors = None
        if self.anchor_motion is not None:
            assert face is not None, "anchors are told from what was read of a face"
            anchors = self.anchor_motion(face, motion @ self.direction.orthonormal())
        *_, last = self.levels(identity + motion, features, finest_projected=finest_projected, anchors=anchors)
        return last.image


__all__ = ["CompositeHead", "FlowHead", "FrameDecoder", "LearnedConstant", "Level", "MotionBasis", "RgbHead"]
