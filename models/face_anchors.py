"""Anchors of a face: where its points lie in a frame, told by dense layers, and what they say of the pixels around.

In:  what was read of a portrait's face [B, FACE_VALUES], motion coefficients [B, directions]
Out: `Anchors`, and `HeardAnchors`, what they carry to the pixels around them
Source: our own. Convolutions that begin with a constant put a lip's edge a pixel off, and whatever is painted there is
soft. To say where a point goes is a handful of numbers that a small network gets right to a fraction of a pixel.

Places are in pixels of a picture of `image_size_px`, so that bfloat16, which keeps eight bits, may tell small distances
exactly: whole pixels and the rest are kept apart.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.face_reader import NUM_SHAPE_POINTS
from models.layers import EqualConv2d
from models.picture_window import WINDOWED_PX, Window

# The reader's points and the irises lie in portraits too; edges of teeth, the tongue and skin's lines need not.
NUM_TRACKED = NUM_SHAPE_POINTS + 2
NUM_ANCHORS = NUM_TRACKED + 52
_WIDTH, _NARROW = 512, 96
_MOVE_SPREAD_PX = 8.0
# Where faces lie, in pixels of the 64 x 64 level.
FACE_PART = Window(top=14, left=9, bottom=62, right=55)
_WHOLE = Window(0, 0, WINDOWED_PX, WINDOWED_PX)
_REACH_PX = 4.0  # of an anchor's say: at this distance a quarter of it is left
_CELL_PX = 2  # of the map that anchors speak to, half the picture's size
_STILLNESS = 0.05  # say of what has no anchor near
# The middle of either eye's upper and lower lid.
_UPPER_LIDS, _LOWER_LIDS = [96, 129], [103, 136]
_SHUT_GAP_PX, _OPEN_GAP_PX = 2.0, 6.0


def num_face_values(num_directions: int) -> int:
    """What is kept of a portrait's face: its points and its motion."""
    return 2 * NUM_SHAPE_POINTS + num_directions


class Anchors(NamedTuple):
    """Where a face's anchors lie in a frame.

    whole, rest: [B, NUM_ANCHORS, 2], place in the frame in pixels, x and y: the whole ones, and what is left, 0 to 1
    back: [B, NUM_TRACKED, 2], from there to the same spot of the portrait, in pixels
    """

    whole: Tensor
    rest: Tensor
    back: Tensor

    @property
    def place(self) -> Tensor:
        """[B, NUM_ANCHORS, 2] in pixels, 0 at the picture's edge."""
        return self.whole + self.rest


def anchors_at(here: Tensor, there: Tensor, image_size_px: int) -> Anchors:
    """Anchors where they are known to lie: in the frame and in the portrait, each [B, NUM_ANCHORS, 2], 0 to 1."""
    place = here * image_size_px
    whole = torch.floor(place)
    return Anchors(whole, place - whole, (there - here)[:, :NUM_TRACKED] * image_size_px)


class AnchorMotion(nn.Module):
    """Tells where anchors lie from where the face's points lie in the portrait, its motion and the frame's."""

    usual: Tensor

    def __init__(self, num_directions: int, image_size_px: int) -> None:
        super().__init__()
        self.image_size_px = image_size_px
        self.layers = nn.Sequential(
            nn.Linear(num_face_values(num_directions) + num_directions, _WIDTH), nn.SiLU(),
            nn.Linear(_WIDTH, _WIDTH), nn.SiLU(),
            nn.Linear(_WIDTH, _NARROW, bias=False), nn.Linear(_NARROW, 2 * (NUM_ANCHORS + NUM_TRACKED)),
        )  # fmt: skip
        self.direct = nn.Linear(num_face_values(num_directions) + num_directions, _NARROW, bias=False)
        # Where anchors usually lie, 0 to 1; training knows.
        self.register_buffer("usual", torch.full((NUM_ANCHORS, 2), 0.5))

    def moves(self, face: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """From the usual places to the frame's [B, NUM_ANCHORS, 2], and from there to the portrait's, in pixels."""
        known = torch.cat([face, motion], -1)
        hidden = self.layers[:-1](known) + self.direct(known)
        told = (self.layers[-1](hidden) * _MOVE_SPREAD_PX).unflatten(-1, (-1, 2))
        return told[:, :NUM_ANCHORS], told[:, NUM_ANCHORS:]

    def forward(self, face: Tensor, motion: Tensor) -> Anchors:
        """face: [B, num_face_values], points in spreads and motion; motion: [B, directions] of the frame."""
        moved, back = self.moves(face, motion)
        start = self.usual * self.image_size_px
        whole = torch.floor(moved + start)
        return Anchors(whole, moved + (start - whole), back)


def counted(anchors: Anchors) -> Tensor:
    """How much each tracked anchor counts, [B, NUM_TRACKED]: irises not behind shut lids."""
    height = anchors.place[..., 1]
    gap = height[:, _LOWER_LIDS] - height[:, _UPPER_LIDS]
    seen = ((gap - _SHUT_GAP_PX) / (_OPEN_GAP_PX - _SHUT_GAP_PX)).clamp(0, 1)
    return torch.cat([torch.ones_like(height[:, :NUM_SHAPE_POINTS]), seen], -1)


class AnchorField(nn.Module):
    """What each anchor carries to the pixels around it: features that training gives a meaning."""

    def __init__(self, image_size_px: int, num_features: int) -> None:
        super().__init__()
        self.image_size_px = image_size_px
        self.features = nn.Parameter(torch.randn(NUM_ANCHORS, num_features))

    def forward(self, anchors: Anchors, part: Window | None = None) -> "HeardAnchors":
        """What pixels hear of a face's anchors. part: of the picture that is asked for, None is all of it."""
        return HeardAnchors(self, anchors, part)


class AnchorInput(nn.Module):
    """Adds to a level's features what its pixels hear; nothing at first."""

    def __init__(self, num_features: int, channels: int) -> None:
        super().__init__()
        self.conv = EqualConv2d(num_features, channels, 1)
        nn.init.zeros_(self.conv.weight)

    def forward(self, x: Tensor, heard: "HeardAnchors") -> Tensor:
        """x: [B, channels, S, S], of half the picture's size or of all of it, or its part."""
        return x + heard.in_place(self.conv(heard.features.to(x.dtype)), x)


class HeardAnchors:
    """What pixels of half the picture's size hear of a frame's anchors, in the face's part of the picture.

    features: [B, num_features, height, width], the mean of what the anchors near a pixel carry
    """

    def __init__(self, field: AnchorField, anchors: Anchors, part: Window | None) -> None:
        self.anchors, self.part, self.image_size_px = anchors, part, field.image_size_px
        self.asked = _WHOLE if part is None else part
        self.face = FACE_PART.cut_to(self.asked)
        self._counts = counted(anchors)[..., None] * self._inside().to(anchors.rest.dtype)
        self._say = self._heard()
        carried = torch.cat([field.features, field.features.new_ones(NUM_ANCHORS, 1)], 1)
        carried = carried.expand(self._say.shape[0], -1, -1)
        sums = self._spread(torch.cat([carried, _padded(self._counts)], 2))
        self.features = sums[:, :-2] / (sums[:, -2:-1] + _STILLNESS)
        self._tracked = sums[:, -1:] + _STILLNESS

    def _heard(self) -> Tensor:
        """How much each anchor is heard at each pixel, 0 to 1: [B, height, width, NUM_ANCHORS]."""
        whole, rest = self.anchors.whole, self.anchors.rest
        ranges = ((self.face.left, self.face.right), (self.face.top, self.face.bottom))
        across, down = (
            # Whole pixels first: what is near is told exactly in any precision.
            ((self._middles_px(*ends, rest)[:, None] - whole[:, None, :, i]) - rest[:, None, :, i]).square()
            for i, ends in enumerate(ranges)
        )
        # In place: a face's say is the largest thing that a frame makes.
        distance = across[:, None] + down[:, :, None]
        return distance.mul_(1 / _REACH_PX**2).add_(1).reciprocal_().square_()

    def _middles_px(self, low: int, high: int, like: Tensor) -> Tensor:
        scale = self.image_size_px // (_CELL_PX * WINDOWED_PX)
        return (torch.arange(scale * low, scale * high, device=like.device) + 0.5) * _CELL_PX

    def _spread(self, carried: Tensor) -> Tensor:
        """Sums over anchors of what they carry, by their say: [B, k, height, width]. carried: [B, NUM_ANCHORS, k]."""
        return (self._say.flatten(1, 2) @ carried).mT.unflatten(2, self._say.shape[1:3])

    def in_place(self, told: Tensor, x: Tensor) -> Tensor:
        """What was told in the face's part as a map of x's size, nothing around it. told: [B, k, height, width]."""
        scale = self.image_size_px // (_CELL_PX * WINDOWED_PX)
        inner, asked = self.face.within(self.asked), self.asked
        right, below = asked.right - asked.left - inner.right, asked.bottom - asked.top - inner.bottom
        map_ = F.pad(told, [scale * each for each in (inner.left, right, inner.top, below)])
        if map_.shape[-1] == x.shape[-1]:
            return map_
        return F.interpolate(map_, scale_factor=2.0, mode="bilinear", align_corners=False)

    def correction(self, flow: Tensor) -> Tensor:
        """What sets a flow right at the anchors: [B, 3, S, S], nothing in the mask's channel.

        flow: [B, 2, S, S], from each pixel to where the portrait is sampled, in halves of the picture
        """
        told = self._spread(_padded(self._off_by(flow) * self._counts)) / self._tracked
        return F.pad(self.in_place(told, flow), (0, 0, 0, 0, 0, 1))

    def _at(self) -> Tensor:
        """Where tracked anchors lie in what was asked for: [B, NUM_TRACKED, 2], from -1 to 1."""
        place = self.anchors.place[:, :NUM_TRACKED] * (2 / self.image_size_px) - 1
        return place if self.part is None else self.part.coordinates(place)

    def _inside(self) -> Tensor:
        """Of which tracked anchors it can be told how far a flow is off: [B, NUM_TRACKED, 1]."""
        return (self._at().abs() < 1).all(-1, keepdim=True)

    def _off_by(self, flow: Tensor) -> Tensor:
        """How far a flow is off at each tracked anchor: [B, NUM_TRACKED, 2]."""
        found = F.grid_sample(flow, self._at()[:, :, None], padding_mode="border", align_corners=False)[..., 0].mT
        return self.anchors.back * (2 / self.image_size_px) - found


def _padded(values: Tensor) -> Tensor:
    """[B, NUM_TRACKED, k] of tracked anchors, nothing for the others: [B, NUM_ANCHORS, k]."""
    return F.pad(values, (0, 0, 0, NUM_ANCHORS - NUM_TRACKED))
