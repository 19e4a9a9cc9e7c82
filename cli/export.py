"""`float-avatar export`: a training's folder to a bundle that serves."""

from pathlib import Path
from typing import Annotated

import typer

from contract.errors import BundleError


def export(
    folder: Annotated[Path, typer.Option(help="What `float-avatar train` made.")] = Path("runs/illustrated"),
    output: Annotated[Path, typer.Option(help="The bundle's folder; an older one is replaced.")] = Path(
        "bundles/illustrated"
    ),
) -> None:
    """Export the trained networks to ONNX, check each file against its network, write the bundle, and calibrate it."""
    from cli.calibrate import calibrate_bundle
    from export.make_bundle import make_bundle
    from export.networks import load_networks

    networks = load_networks(folder)
    errors = make_bundle(networks, folder / "portraits", output)
    for component, error in errors.items():
        typer.echo(f"{component}: largest difference to its network {error:.1e}")
    typer.echo(f"Bundle written to {output}.")
    try:
        calibrate_bundle(output)
    except BundleError as error:
        typer.echo(f"The frame decoder stays as it is: {error}")
