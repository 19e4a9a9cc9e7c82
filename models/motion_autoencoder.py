"""Encoder and decoder together, under the checkpoint's names."""

from torch import Tensor, nn

from models.autoencoder_config import AutoencoderConfig
from models.frame_decoder import FrameDecoder
from models.portrait_encoder import PortraitEncoder


class MotionAutoencoder(nn.Module):
    """Splits a picture into identity and motion, and paints frames of that identity in any motion."""

    def __init__(self, config: AutoencoderConfig, *, with_reader: bool = True) -> None:
        """with_reader: False leaves out what stands apart: what reads motion, and what tells anchors."""
        super().__init__()
        self.config = config
        self.enc = PortraitEncoder(config, with_reader=with_reader)
        self.dec = FrameDecoder(config, with_anchor_motion=with_reader)

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """image: [B, 3, S, S] in [-1, 1].

        Returns identity latent [B, D], motion coefficients [B, M], motion latent [B, D] and feature maps.
        """
        identity, coefficients, features = self.enc(image)
        return identity, coefficients, self.dec.direction(coefficients), features

    def forward(self, source: Tensor, motion_latent: Tensor) -> Tensor:
        """The source's person in the given motion: [B, 3, S, S]."""
        identity, _, _, features = self.encode(source)
        face = None if self.enc.reader is None else self.enc.reader(source).face
        return self.dec(identity, motion_latent, features, face)
