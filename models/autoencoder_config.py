"""Sizes of the motion auto-encoder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of encoder and decoder; the defaults are FLOAT's official ones.

    channels: channels at 4 x 4, 8 x 8, ... up to the picture's size
    latent_dim: width of the latents
    num_motion_directions: columns of the motion basis
    num_blended_levels: coarsest levels whose RGB head reads the blend of warped and painted features; 0 is FLOAT,
        where every head reads warped features only
    composites: the finest level lays the portrait itself, warped, over the painted picture; False is FLOAT, where it
        adds what an RGB head makes of the portrait's finest features
    flow_template_px: side of a coarse flow that dense layers read from the latent, beneath the levels' own; 0 is FLOAT,
        which has none
    reads_apart: motion, and how the face is framed, are read by a trunk of their own; False is FLOAT, where a linear
        map of the identity latent gives motion
    num_anchor_features: numbers that each anchor of a face carries to the pixels around it, at the two finest levels;
        0 is FLOAT, whose decoder is told of no points
    folded: up-sampling convolutions in their one-convolution form
    """

    channels: tuple[int, ...] = (512, 512, 512, 512, 256, 128, 64, 32)
    latent_dim: int = 512
    num_motion_directions: int = 20
    num_blended_levels: int = 0
    composites: bool = False
    flow_template_px: int = 0
    reads_apart: bool = False
    num_anchor_features: int = 0
    folded: bool = False

    def __post_init__(self) -> None:
        assert 0 <= self.num_blended_levels < self.num_levels, (
            f"num_blended_levels {self.num_blended_levels}, expected 0 to {self.num_levels - 1}"
        )
        # Half of the picture is where anchors are heard, in cells of two pixels of a level of 64.
        assert not self.num_anchor_features or self.image_size_px >= 128, (
            f"num_anchor_features {self.num_anchor_features} of pictures of {self.image_size_px} px, "
            "expected 0 below 128 px"
        )

    @property
    def num_levels(self) -> int:
        """Levels of the decoder: 8 x 8 to the picture's size."""
        return len(self.channels) - 1

    @property
    def image_size_px(self) -> int:
        """Side of the picture."""
        return 4 * 2**self.num_levels


EMBEDDED_AUTOENCODER = AutoencoderConfig(
    channels=(128, 128, 128, 128, 64, 32, 16),
    latent_dim=128,
    num_motion_directions=15,
    num_blended_levels=5,
    composites=True,
    flow_template_px=32,
    reads_apart=True,
    num_anchor_features=24,
)
