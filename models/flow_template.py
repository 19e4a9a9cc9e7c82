"""A coarse flow of the whole picture, read from the latent by dense layers.

In:  latent [B, latent_dim] = identity + motion
Out: raw flow [B, 3, side, side] for each level of the decoder, which refines it
"""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import fir_kernel, fir_upsample

_WIDTH, _NUM_LAYERS, _SLOPE = 256, 2, 0.2


class FlowTemplate(nn.Module):
    """A coarse flow of the whole picture from the latent, which the levels then refine.

    How a head turns and a jaw drops is much the same in all faces that lie in the same place. Dense layers learn it at
    once; convolutions that begin with a constant have to push it through every level, and were pixels off for hours.
    """

    kernel: Tensor

    def __init__(self, latent_dim: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("kernel", fir_kernel(4.0), persistent=False)
        hidden: list[nn.Module] = [nn.Linear(latent_dim, _WIDTH), nn.LeakyReLU(_SLOPE)]
        for _ in range(_NUM_LAYERS - 1):
            hidden += [nn.Linear(_WIDTH, _WIDTH), nn.LeakyReLU(_SLOPE)]
        last = nn.Linear(_WIDTH, 2 * side * side)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*hidden, last)

    def forward(self, latent: Tensor) -> Tensor:
        """latent: [B, latent_dim]; returns raw flow [B, 3, side, side] with nothing in the mask's channel."""
        flow: Tensor = self.layers(latent).float()
        return F.pad(flow.reshape(-1, 2, self.side, self.side), (0, 0, 0, 0, 0, 1))

    def levels(self, latent: Tensor, num_levels: int) -> Iterator[Tensor]:
        """The same for levels of 8 x 8, 16 x 16, ..."""
        template = whole = self(latent)
        for level in range(num_levels):
            side = 8 * 2**level
            if side <= self.side:
                yield F.avg_pool2d(whole, self.side // side)
            else:
                template = fir_upsample(template, self.kernel)
                yield template
