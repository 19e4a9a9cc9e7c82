"""The motion basis of an avatar's networks, as numbers for its bundle."""

import torch

from contract.packets import Float32Array
from models.motion_autoencoder import MotionAutoencoder


def motion_basis(autoencoder: MotionAutoencoder) -> Float32Array:
    """The orthonormal directions that the networks use, [latent_dim, directions] float32."""
    with torch.inference_mode():
        basis: Float32Array = autoencoder.dec.direction.orthonormal().float().cpu().numpy().copy()
    return basis
