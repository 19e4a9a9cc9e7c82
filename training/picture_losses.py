"""What phase 1 asks of a picture, of how much of the portrait it shows, and of where it samples the portrait."""

import torch.nn.functional as F
from torch import Tensor

from models.picture_window import Window, windowed

_NUM_LOSS_SIZES = 4
_STRUCTURE_PX = 7
_FIRST_FLOW_PX = 16
# Of SSIM, for pictures whose values span two.
_C1, _C2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2


def picture_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L1 of colours and of their differences, at full, 1/2, 1/4 and 1/8 size, evenly.

    image, target: [B, 3, S, S]; weight: [B, 1, S, S] of mean about 1
    Even weights of the coarse scales are what lets the warp be learned.
    """
    loss = image.new_zeros(())
    num_sizes = min(_NUM_LOSS_SIZES, image.shape[-1].bit_length() - 1)
    for _ in range(num_sizes):
        difference = image - target
        loss = loss + (difference.abs() * weight).mean()
        loss = loss + (difference.diff(dim=3).abs() * weight[..., 1:]).mean()
        loss = loss + (difference.diff(dim=2).abs() * weight[..., 1:, :]).mean()
        image, target, weight = F.avg_pool2d(image, 2), F.avg_pool2d(target, 2), F.avg_pool2d(weight, 2)
    return loss


def structure_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """1 - SSIM of grey values in windows of 7 x 7: edges and texture that L1 is content to blur.

    image, target: [B, 3, S, S] in -1 to 1; weight: [B, 1, S, S], where it counts
    """
    # Brightness is compared as a ratio, which means nothing around a grey of zero.
    here, wanted = 1 + image.mean(1, keepdim=True), 1 + target.mean(1, keepdim=True)
    mean_here, mean_wanted = _windows(here), _windows(wanted)
    variances = _windows(here * here + wanted * wanted) - mean_here**2 - mean_wanted**2
    shared = _windows(here * wanted) - mean_here * mean_wanted
    likeness = (2 * mean_here * mean_wanted + _C1) * (2 * shared + _C2)
    likeness = likeness / ((mean_here**2 + mean_wanted**2 + _C1) * (variances + _C2))
    return ((1 - likeness) * weight).sum() / weight.sum().clamp(min=1)


def _windows(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture, _STRUCTURE_PX, 1, _STRUCTURE_PX // 2, count_include_pad=False)


def mask_loss(masks: list[Tensor], openings: list[Tensor], weight: Tensor) -> Tensor:
    """How much is shown of the portrait between the lips, where it has nothing to show, and missing elsewhere.

    masks: each level's [B, 1, s, s]; openings: of the same sizes, 1 between the lips
    weight: [B, 1, S, S], of showing the portrait
    Elsewhere the finest level is asked to show it: to L1 a blurred face is a cheaper mistake than one a pixel off.
    """
    loss = ((1 - masks[-1]) * (1 - openings[-1]) * weight).mean()
    for mask, hidden in zip(masks, openings, strict=True):
        loss = loss + (mask * hidden).sum() / hidden.sum().clamp(min=1) / len(masks)
    return loss


def flow_loss(
    grids: list[Tensor], here: Tensor, there: Tensor, point_weights: Tensor, window: Window | None = None
) -> Tensor:
    """Mean distance, of a picture from -1 to 1, of where the known points are sampled to where they are.

    The painter knows where a point of the driving frame lies in the source. Colours alone tell a lip's flow only once
    it is nearly right.

    grids: each level's [B, s, s, 2], or its part in the window
    here, there: [B, N, 2], the points in the driving frame and in the source, -1 to 1
    point_weights: [1, N, 1]
    """
    loss = here.new_zeros(())
    sides = [8 * 2**level for level in range(len(grids))]
    supervised = [
        (grid, windowed(window, side)) for grid, side in zip(grids, sides, strict=True) if side >= _FIRST_FLOW_PX
    ]
    for grid, part in supervised:
        at = here if part is None else part.coordinates(here)
        inside = ((at.abs() < 1) & (there.abs() < 1)).all(-1, keepdim=True).float() * point_weights
        found = F.grid_sample(grid.permute(0, 3, 1, 2), at[:, :, None], align_corners=False)[..., 0].mT
        loss = loss + ((found - there).abs() * inside).sum() / inside.sum() / len(supervised)
    return loss
