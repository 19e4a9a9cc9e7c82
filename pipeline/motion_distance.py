"""How far two motions lie apart in the picture, told from their coefficients: nothing is painted for it.

Only bundles that name their directions say what a unit of each is; of others nothing is known.
"""

import numpy as np

from contract.packets import Float32Array
from contract.spec import AvatarSpec

# How far one unit of a direction moves what it moves most, in pixels of a picture of 256 x 256: of head and jaw as
# measured at eyes, nose, mouth and chin of the avatar that ships, of the rest about what the painter's units mean.
PX_PER_UNIT = {
    "yaw": 14.0,
    "pitch": 10.5,
    "roll": 12.0,
    "jaw": 7.0,
    "lip_width": 2.0,
    "lip_rounding": 2.0,
    "lip_closing": 2.0,
    "lip_tuck": 2.0,
    "smile": 2.0,
    "blink": 4.0,
    "gaze_x": 3.0,
    "gaze_y": 3.0,
    "brow_raise": 3.0,
    "brow_furrow": 2.0,
    "sneer": 2.0,
}


class MotionDistance:
    """Motion in coordinates whose differences are pixels of a picture of 256 x 256."""

    def __init__(self, directions: Float32Array) -> None:
        """directions: [latent_dim, named directions] float32, each as long as one unit of it moves the picture."""
        self._directions = directions

    def coordinates(self, motion_latent: Float32Array) -> Float32Array:
        """Where motion is, in pixels. motion_latent: [..., latent_dim] float32; returns [..., directions] float32.

        What lies outside the basis is left out: no face moves by it.
        """
        return (motion_latent @ self._directions).astype(np.float32)

    def px(self, motion: Float32Array, other: Float32Array) -> float:
        """How far two motions lie apart. motion, other: [latent_dim] float32."""
        return float(np.linalg.norm(self.coordinates(motion - other)))


def motion_distance(spec: AvatarSpec, basis: Float32Array | None) -> MotionDistance | None:
    """The distance in a bundle's motion; None where it does not say what all of its directions are.

    basis: [latent_dim, directions] float32, orthonormal columns
    """
    if basis is None or len(spec.motion_names) < basis.shape[1] or not set(spec.motion_names) <= set(PX_PER_UNIT):
        return None
    scales = np.array([PX_PER_UNIT[name] for name in spec.motion_names[: basis.shape[1]]], np.float32)
    return MotionDistance((basis * scales).astype(np.float32))
