"""Conditional flow matching on straight paths.

Source: Lipman et al. 2023 (arXiv 2210.02747); FLOAT (ICCV 2025) section 3.3 for the velocity loss.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

# Frames at a window's end that see nothing after them, and what they count; and what the step into the window does.
_JOINED_FRAMES, _JOINT_WEIGHT, _FIRST_WEIGHT = 2, 3.0, 12.0


def straight_path(noise: Tensor, motion: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """A point of the optimal-transport path and its velocity.

    noise, motion: [B, N, D], ends of the path at time 0 and 1; time: [B]
    returns x_t = (1 - t) noise + t motion, and motion - noise
    """
    t = time[:, None, None]
    return (1 - t) * noise + t * motion, motion - noise


def flow_matching_loss(velocity: Tensor, target: Tensor, follows: bool = False) -> Tensor:
    """Squared error of velocities and of their first differences along the frames, evenly.

    velocity, target: [B, N, D]
    follows: whether the window follows known frames and is followed by others: an error of its first frame is then a
        jump, and both its ends, where a stream is joined, count more
    """
    error = velocity - target
    if not follows:
        return error.square().mean() + error.diff(dim=1).square().mean()
    steps = torch.cat([error[:, :1], error.diff(dim=1)], 1)
    at_end = torch.ones(error.shape[1], 1, device=error.device)
    at_end[-_JOINED_FRAMES:] = _JOINT_WEIGHT
    at_both = at_end.clone()
    at_both[0] = _FIRST_WEIGHT
    return (error.square() * at_end).mean() + (steps.square() * at_both).mean()


def euler(field: Callable[[Tensor, float], Tensor], noise: Tensor, num_points: int) -> Tensor:
    """Walk a field (x [B, N, D], time in [0, 1]) -> velocity from 0 to 1 over `num_points` points."""
    x = noise
    times = torch.linspace(0, 1, num_points).tolist()
    for now, then in itertools.pairwise(times):
        x = x + (then - now) * field(x, now)
    return x
