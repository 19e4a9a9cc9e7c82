"""The reader of faces: motion, framing and shape of a face from a picture, for avatars whose reader stands apart.

In:  image [B, 3, S, S] in [-1, 1]
Out: `FaceReading`

A picture is read ten times, moved by a few pixels and mirrored: the mean of what is read is right more often than one
reading, and a portrait is read once a call.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.autoencoder_config import AutoencoderConfig

NUM_SHAPE_POINTS = 240
SHAPE_SPREAD = 0.02  # in sides of the picture
NUM_FRAMING = 3
_FRAMING_UNIT = 0.1
# Views of a picture: moved to the right and down by so many pixels of 256, each as it is and mirrored.
_MOVES = ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3))
_LARGEST_MOVE = 3
# Left, top, right, bottom in sides of the picture, and by how much that part is made smaller: all, the mouth, the eyes.
_LOOKS = (((0.0, 0.0, 1.0, 1.0), 2), ((0.25, 0.46875, 0.75, 1.0), 1), ((0.125, 0.25, 0.875, 0.625), 1))
_LOOK_CHANNELS, _LOOK_WIDTH, _READER_WIDTH = (16, 32, 64, 96), 96, 192
_CLOSE_CHANNELS = (16, 32, 64)
# Of the shape's points: the lips' outlines; lids, crease and brow of either eye.
_LIP_ROWS, _EYE_ROWS = slice(0, 52), (slice(93, 126), slice(126, 159))


@dataclass(frozen=True)
class CloseUp:
    """A part of the face that is looked at: its size in pixels, and half its extent in sides of the picture."""

    width_px: int
    height_px: int
    half_width: float
    half_height: float


_LIPS, _EYE = CloseUp(104, 80, 0.20, 0.155), CloseUp(72, 56, 0.14, 0.11)


class FaceReading(NamedTuple):
    """What is read from a face.

    motion: [B, directions], coefficients of the motion basis
    framing: [B, 3], the square that the face should be cut to: its middle to the right and down, log of its side
    shape: [B, 2 * NUM_SHAPE_POINTS], where points of lips, lids, brows and skin lie, in spreads from the usual place
    """

    motion: Tensor
    framing: Tensor
    shape: Tensor

    @property
    def face(self) -> Tensor:
        """What a decoder places anchors by: [B, 2 * NUM_SHAPE_POINTS + directions], shape and motion."""
        return torch.cat([self.shape, self.motion], 1)


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
    """Reads motion, framing and shape of a face with trunks of its own, in two looks.

    To paint somebody and to read a face ask for different features, and they train apart: reading needs no decoder.
    At first the whole picture tells the head's pose and the framing, mouth and eyes where they lie in a face that is
    framed as it should be. The second look is cut about the lips and the eyes that were found, upright: what they do is
    seen there wherever the head is. Plain convolutions with batch normalisation: they learn this in minutes.
    """

    usual: Tensor
    mirrored: Tensor
    turned: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.trunks = nn.ModuleList([_trunk_of_box(box, config.image_size_px, step) for box, step in _LOOKS])
        self.joined = nn.Sequential(nn.Linear(len(_LOOKS) * _LOOK_WIDTH, _READER_WIDTH), nn.ReLU())
        self.to_motion = nn.Linear(_READER_WIDTH, config.num_motion_directions)
        self.to_framing = nn.Linear(_READER_WIDTH, NUM_FRAMING)
        self.to_shape = nn.Linear(_READER_WIDTH, 2 * NUM_SHAPE_POINTS)
        # Where points usually lie, 0 to 1. Training knows; until then eyes lie apart, or there is no line across them.
        usual = torch.full((NUM_SHAPE_POINTS, 2), 0.5)
        for rows, place in zip((_LIP_ROWS, *_EYE_ROWS), ((0.5, 0.7), (0.37, 0.45), (0.63, 0.45)), strict=True):
            usual[rows] = torch.tensor(place)
        self.register_buffer("usual", usual)
        # The point that each becomes in a mirror, -1 where none is kept, and the motions that turn round there.
        self.register_buffer("mirrored", torch.full((NUM_SHAPE_POINTS,), -1))
        self.register_buffer("turned", torch.ones(config.num_motion_directions))
        self.lips = _trunk(_LIPS.width_px, _LIPS.height_px, 3, _CLOSE_CHANNELS)
        self.eyes = _trunk(_EYE.width_px, _EYE.height_px, 6, _CLOSE_CHANNELS)
        self.closer = nn.Sequential(nn.Linear(2 * _LOOK_WIDTH + _READER_WIDTH, _READER_WIDTH), nn.ReLU())
        self.more_motion = nn.Linear(_READER_WIDTH, config.num_motion_directions)
        self.more_shape = nn.Linear(_READER_WIDTH, 2 * NUM_SHAPE_POINTS)
        for layer in (self.more_motion, self.more_shape):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, image: Tensor) -> FaceReading:
        """The mean of what is read from all views of a picture. image: [B, 3, S, S] in [-1, 1]."""
        num_images, side = image.shape[0], image.shape[-1]
        moved = views(image)
        reading = self.looks(torch.cat([moved, moved.flip(3)]))[1]
        moves = torch.tensor(_MOVES, dtype=torch.float32, device=image.device) / side  # [moves, 2]
        by_view = (2, len(_MOVES), num_images)
        sides = torch.ones(2, 1, 1, NUM_FRAMING, device=image.device)
        sides[1, ..., 0] = -1.0
        # A view's own move and mirror are taken out of what was read there.
        motion = reading.motion.float().reshape(*by_view, -1)
        motion = torch.stack([motion[0], motion[1] * self.turned])
        framing = reading.framing.float().reshape(*by_view, NUM_FRAMING) * sides
        framing = framing - F.pad(moves, (0, 1))[:, None]
        points = self.usual + SHAPE_SPREAD * reading.shape.float().reshape(*by_view, NUM_SHAPE_POINTS, 2)
        points = torch.stack([points[0], self.in_mirror(points[1], points[0])]) - moves[:, None, None]
        shape = (points.mean((0, 1)) - self.usual) / SHAPE_SPREAD
        return FaceReading(motion.mean((0, 1)), framing.mean((0, 1)), shape.flatten(1))

    def in_mirror(self, points: Tensor, otherwise: Tensor) -> Tensor:
        """Points of mirrored pictures as they lie in the pictures; `otherwise` those that have no other side.

        points, otherwise: [..., NUM_SHAPE_POINTS, 2], 0 to 1
        """
        other = points[..., self.mirrored.clamp(min=0), :]
        other = torch.stack([1 - other[..., 0], other[..., 1]], -1)
        return torch.where(self.mirrored[:, None] >= 0, other, otherwise)

    def looks(self, image: Tensor) -> tuple[FaceReading, FaceReading]:
        """What the first look read, and what the second made of it."""
        parts = []
        for (box, step), trunk in zip(_LOOKS, self.trunks, strict=True):
            x0, y0, x1, y1 = _pixels(box, image.shape[-1])
            part = image[:, :, y0:y1, x0:x1]
            parts.append(trunk(F.avg_pool2d(part, step) if step > 1 else part))
        features = self.joined(torch.cat(parts, 1))
        framing = self.to_framing(features) * _FRAMING_UNIT
        first = FaceReading(self.to_motion(features), framing, self.to_shape(features))
        lips, left, right = self.close_ups(image, first.shape)
        seen = torch.cat([self.lips(lips), self.eyes(torch.cat([left, right], 1)), features], 1)
        found = self.closer(seen)
        return first, FaceReading(first.motion + self.more_motion(found), framing, first.shape + self.more_shape(found))

    def close_ups(self, image: Tensor, shape: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The lips and both eyes, upright and in the middle, as the shape has them: [B, 3, height, width] each."""
        # Where one looks is not to be learned: a better place would only be one that hides what was misread.
        points = self.usual + SHAPE_SPREAD * shape.detach().float().reshape(-1, NUM_SHAPE_POINTS, 2)
        left, right = (points[:, rows].mean(1) for rows in _EYE_ROWS)  # [B, 2]
        across = F.normalize(right - left, dim=1)
        lips = points[:, _LIP_ROWS].mean(1)
        return (
            _cut_about(image, lips, across, _LIPS),
            _cut_about(image, left, across, _EYE),
            _cut_about(image, right, across, _EYE),
        )


def views(image: Tensor) -> Tensor:
    """The picture moved a little each way, its edges drawn out: [moves * B, 3, S, S]. image: [B, 3, S, S]."""
    most, side = _LARGEST_MOVE, image.shape[-1]
    around = F.pad(image, (most,) * 4, mode="replicate")
    return torch.cat(
        [around[:, :, most - down : most - down + side, most - right : most - right + side] for right, down in _MOVES]
    )


def _cut_about(image: Tensor, middle: Tensor, across: Tensor, cut: "CloseUp") -> Tensor:
    """A part of the picture. middle: [B, 2], 0 to 1; across: [B, 2] of length 1, what is to lie level."""
    x = torch.linspace(-1, 1, cut.width_px, device=image.device) * cut.half_width
    y = torch.linspace(-1, 1, cut.height_px, device=image.device) * cut.half_height
    down, right = (each.reshape(1, -1, 1) for each in torch.meshgrid(y, x, indexing="ij"))
    cosine, sine = across[:, None, :1], across[:, None, 1:]
    places = torch.cat([right * cosine - down * sine, right * sine + down * cosine], 2) + middle[:, None]
    grid = (2 * places - 1).reshape(-1, cut.height_px, cut.width_px, 2)
    return F.grid_sample(image.float(), grid, padding_mode="border", align_corners=False)


def _pixels(box: tuple[float, ...], side_px: int) -> tuple[int, ...]:
    return tuple(round(share * side_px) for share in box)


def _trunk_of_box(box: tuple[float, ...], side_px: int, step: int) -> nn.Sequential:
    """For a part of the picture taken at 1 / step of its size."""
    x0, y0, x1, y1 = _pixels(box, side_px)
    return _trunk((x1 - x0) // step, (y1 - y0) // step, 3, _LOOK_CHANNELS)


def _trunk(width: int, height: int, in_channels: int, channels: tuple[int, ...]) -> nn.Sequential:
    """Convolutions of stride 2 and a linear layer: [B, in_channels, height, width] to [B, _LOOK_WIDTH]."""
    layers: list[nn.Module] = []
    previous = in_channels
    for number, each in enumerate(channels):
        layers += [nn.Conv2d(previous, each, 3, 2, 1, bias=False), nn.BatchNorm2d(each), nn.ReLU()]
        layers += [Refinement(each)] if number else []
        width, height, previous = (width + 1) // 2, (height + 1) // 2, each
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(previous * width * height, _LOOK_WIDTH), nn.ReLU())
