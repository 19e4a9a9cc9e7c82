"""Finds out whether a bundle's frame decoder tolerates 8 bits, and keeps what an engine must know for it.

In:  a bundle's folder and pictures of faces
Out: the ranges of the decoder's convolutions beside its file, named in the manifest; the network itself stays as it is
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from assembly.avatar_factory import of_one, open_avatar
from bundles.manifest import FILE_NAME, BundledFile, Manifest, read_manifest, sha256_of, write_manifest
from bundles.motion_basis import read_motion_basis
from contract.errors import BundleError
from contract.packets import Float32Array, UInt8Array
from engines.activation_ranges import Ranges, ranges_path, write_ranges
from engines.base import Array, Precision
from engines.registry import measure_ranges, open_engine
from pipeline.portrait import Portrait

# An error of one and a half in 255 over the whole picture.
SMALLEST_PSNR_DB = 45.0
# Frames from -1 to 1.
_PEAK = 2.0
_MOTIONS_A_PORTRAIT = 12
# In units of each direction: the spread of lively speech, in all at once. Wider ranges would make steps coarser.
_SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found.

    num_convolutions: that 8 bits are for
    psnr_db: of frames in 8 bits to those in float32, the mean; least_psnr_db: of the one that differs most
    """

    num_convolutions: int
    psnr_db: float
    least_psnr_db: float


def calibrate(
    bundle: Path, pictures: Sequence[UInt8Array], seed: int = 0, smallest_psnr_db: float = SMALLEST_PSNR_DB
) -> Calibration:
    """Measure the ranges on faces in motions drawn by chance, paint others by them, and write them into the bundle.

    pictures: faces as the networks take them, [side, side, 3] uint8 RGB; at least one
    smallest_psnr_db: that every frame must be within of float32
    Raises BundleError where 8 bits would show, or the bundle lacks what is needed, and leaves it as it was;
    EngineError.
    """
    if not pictures:
        raise BundleError(f"{bundle} has no pictures, expected at least one to measure on")
    manifest = read_manifest(bundle)
    if not manifest.spec.motion_names:
        raise BundleError(f"{bundle} names no motion directions, expected names, which tell how far faces move")
    artifact = bundle / manifest.components["frame_decoder"].file
    signature = of_one(manifest.spec.signature("frame_decoder"))
    portraits = _portraits(bundle, pictures)
    generator = np.random.default_rng(seed)
    ranges = measure_ranges(artifact, signature, _samples(bundle, manifest, portraits, generator))
    with TemporaryDirectory() as folder:
        # Tried where nobody looks, so that a bundle has ranges which hold or none.
        beside = Path(folder) / artifact.name
        shutil.copyfile(artifact, beside)
        write_ranges(beside, ranges)
        others = list(_samples(bundle, manifest, portraits[:: max(1, len(portraits) // 3)], generator))
        frames: dict[Precision, Float32Array] = {}
        for precision in ("float32", "int8"):
            engine = open_engine("openvino", beside, signature, precision)
            frames[precision] = np.concatenate([engine.run(**sample)["frame"] for sample in others]).clip(-1, 1)
            engine.close()
    error = np.square(frames["int8"] - frames["float32"]).mean((1, 2, 3))
    psnr_db = 10 * np.log10(_PEAK**2 / np.maximum(error, 1e-12))
    if not psnr_db.min() >= smallest_psnr_db:
        raise BundleError(
            f"{artifact.name} in 8 bits paints a frame {psnr_db.min():.1f} dB from float32, expected at least "
            f"{smallest_psnr_db:.0f} dB"
        )
    _keep(bundle, manifest, artifact, ranges)
    return Calibration(len(ranges), float(psnr_db.mean()), float(psnr_db.min()))


def _keep(bundle: Path, manifest: Manifest, artifact: Path, ranges: Ranges) -> None:
    """Write the ranges and name them in the manifest, or leave both as they were."""
    path, manifest_path = ranges_path(artifact), bundle / FILE_NAME
    before = {file: file.read_bytes() for file in (path, manifest_path) if file.is_file()}
    try:
        write_ranges(artifact, ranges)
        decoder = replace(
            manifest.components["frame_decoder"],
            precision="int8",
            ranges=BundledFile(path.relative_to(bundle).as_posix(), sha256_of(path)),
        )
        write_manifest(bundle, replace(manifest, components={**manifest.components, "frame_decoder": decoder}))
    except (OSError, BundleError) as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
            for file, content in before.items():
                file.write_bytes(content)
        raise BundleError(f"{bundle} can't be written: {error}") from error


def _portraits(bundle: Path, pictures: Sequence[UInt8Array]) -> list[Portrait]:
    avatar = open_avatar(bundle, "openvino", "float32")
    try:
        return [avatar.prepare(picture, crop=False) for picture in pictures]
    finally:
        avatar.close()


def _samples(
    bundle: Path, manifest: Manifest, portraits: Sequence[Portrait], generator: np.random.Generator
) -> Iterator[dict[str, Array]]:
    """The decoder's inputs for each portrait in a few motions."""
    basis = read_motion_basis(bundle, manifest)
    if basis is None:
        raise BundleError(f"{bundle} has no motion basis, expected one to move its faces by")
    for portrait in portraits:
        for _ in range(_MOTIONS_A_PORTRAIT):
            coefficients = _SPREAD * generator.standard_normal(manifest.spec.num_motion_directions)
            motion = (basis @ coefficients).astype(np.float32)
            yield {**portrait.of_decoder, "motion_latent": motion[None]}
