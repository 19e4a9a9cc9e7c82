"""A bundle's motion basis: the directions that a face's movement is made of, as one small file beside the networks.

The networks have it inside; the file is for whoever reads or edits motion by its directions.
"""

from pathlib import Path

import numpy as np

from bundles.manifest import BundledFile, Manifest, sha256_of
from contract.errors import BundleError
from contract.packets import Float32Array

FILE_NAME = "motion_basis.npy"
_FARTHEST_FROM_ORTHONORMAL = 1e-4


def write_motion_basis(bundle: Path, basis: Float32Array) -> BundledFile:
    """Write the basis into a bundle's folder; returns the manifest's entry for it.

    basis: [latent_dim, directions] float32, orthonormal columns
    """
    path = bundle / FILE_NAME
    np.save(path, basis.astype(np.float32), allow_pickle=False)
    return BundledFile(FILE_NAME, sha256_of(path))


def read_motion_basis(bundle: Path, manifest: Manifest) -> Float32Array | None:
    """The basis [latent_dim, directions] float32 with orthonormal columns, None where the bundle has none.

    Raises BundleError where the file is no such array.
    """
    if manifest.motion_basis is None:
        return None
    path = bundle / manifest.motion_basis.file
    shape = (manifest.spec.latent_dim, manifest.spec.num_motion_directions)
    try:
        # Only mapped, so that a header which promises terabytes costs nothing.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} is no array that can be read, expected float32 {list(shape)}: {error}") from error
    if mapped.dtype != np.float32 or mapped.shape != shape:
        raise BundleError(f"{path} holds {mapped.dtype} {list(mapped.shape)}, expected float32 {list(shape)}")
    basis = np.array(mapped)
    farthest = float(np.abs(basis.T @ basis - np.eye(shape[1], dtype=np.float32)).max())
    # Written so that not-a-number is refused as well.
    if not farthest <= _FARTHEST_FROM_ORTHONORMAL:
        raise BundleError(f"{path} has columns that are {farthest:.1e} off orthonormal, expected at most 1e-4")
    return basis
