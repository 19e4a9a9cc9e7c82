"""The noise that motion is drawn from: normal, and less of it along directions that the sound decides.

In: absolute frame indexes. Out: [frames, latent_dim] float32.

Heads, lids and gaze are chance, and their noise is what becomes of them. Lips are told by the sound; what noise adds to
them is error. So a bundle may say how much of it each motion direction is given (`AvatarSpec.noise_scales`), as other
samplers lower their temperature.
"""

import numpy as np

from contract.errors import BundleError
from contract.packets import Float32Array


def frame_noise(seed: int, first_index: int, num_frames: int, latent_dim: int) -> Float32Array:
    """Normal noise that belongs to absolute frame indexes: the same index draws the same row in every window.

    Returns [num_frames, latent_dim] float32.
    """
    # The index stands in the counter's upper half, so the rows of a frame never run into the next frame's.
    generators = (np.random.Philox(key=seed, counter=i << 128) for i in range(first_index, first_index + num_frames))
    rows = [np.random.Generator(generator).standard_normal(latent_dim, np.float32) for generator in generators]
    return np.stack(rows)


class NoiseScale:
    """Scales noise along an avatar's motion directions."""

    def __init__(self, scales: tuple[float, ...] = (), basis: Float32Array | None = None) -> None:
        """scales: of the first directions; basis: [latent_dim, directions] float32, orthonormal columns

        Raises BundleError where the basis is missing.
        """
        self._change: tuple[Float32Array, Float32Array] | None = None
        columns = [i for i, scale in enumerate(scales) if scale != 1]
        if not columns:
            return
        if basis is None:
            raise BundleError("the manifest's spec has noise_scales and no motion_basis, expected both")
        directions = basis[:, columns]
        less = np.array([scales[i] - 1 for i in columns], np.float32)
        self._change = (directions, directions * less)

    def apply(self, noise: Float32Array) -> Float32Array:
        """Noise with its coefficients scaled; what lies outside of those directions stays. [frames, latent_dim]."""
        if self._change is None:
            return noise
        directions, changed = self._change
        return (noise + (noise @ directions) @ changed.T).astype(np.float32, copy=False)


UNSCALED = NoiseScale()
