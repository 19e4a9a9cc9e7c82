"""Inputs on which a decoder's file is compared with its network."""

import numpy as np
import torch

from contract.spec import AvatarSpec
from export.components import PortraitEncoderComponent
from models.motion_autoencoder import MotionAutoencoder


def decoder_probe(autoencoder: MotionAutoencoder, spec: AvatarSpec) -> dict[str, np.ndarray]:
    """What a smooth picture gives, in a motion of unit spread.

    Warping noise by a flow that is read from noise would amplify rounding without bound.
    """
    y, x = torch.meshgrid(*[torch.linspace(-3, 3, spec.image_size_px)] * 2, indexing="ij")
    image = torch.stack([torch.sin(x + y), torch.cos(x), torch.sin(y)])[None] * 0.7
    coefficients = torch.linspace(-1, 1, spec.num_motion_directions)[None]
    with torch.inference_mode():
        identity, _, _, *rest = PortraitEncoderComponent(autoencoder).eval()(image)
        motion = autoencoder.dec.direction(coefficients)
    names = [tensor.name for tensor in spec.signature("frame_decoder").inputs]
    face = rest[-1:] if spec.num_face_values else []
    values = (identity, motion, *rest[: spec.num_levels], *face)
    return {name: value.numpy() for name, value in zip(names, values, strict=True)}
