"""`float-avatar calibrate`: measures what a bundle's decoder needs to run in 8 bits, and keeps it in the bundle."""

from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    bundle: Annotated[Path, typer.Option(help="The bundle's folder; its networks stay as they are.")] = Path(
        "bundles/illustrated"
    ),
) -> None:
    """Measure the range of each of the decoder's convolutions on the bundle's own faces, and keep them if 8 bits do."""
    calibrate_bundle(bundle)


def calibrate_bundle(bundle: Path) -> None:
    """Do so, and say what was found; raises BundleError, EngineError."""
    from assembly.calibration import calibrate
    from bundles.manifest import read_manifest
    from media.picture_file import read_picture

    faces = read_manifest(bundle).portraits.values()
    found = calibrate(bundle, [read_picture(bundle / face.file) for face in faces])
    typer.echo(
        f"{found.num_convolutions} convolutions in 8 bits: frames {found.psnr_db:.1f} dB from float32, "
        f"the one that differs most {found.least_psnr_db:.1f} dB."
    )
