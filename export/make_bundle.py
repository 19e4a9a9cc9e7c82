"""The embedded avatar's networks and portraits to a bundle.

In:  the avatar's networks, a folder of portraits (PNG, already cut out)
Out: a bundle folder, written beside and renamed
"""

import json
import shutil
from pathlib import Path

from bundles.manifest import BundledPortrait, Component, Manifest, sha256_of, write_manifest
from bundles.motion_basis import write_motion_basis
from contract.errors import BundleError
from contract.spec import ComponentName
from export.bundle_writer import written_beside
from export.components import (
    AudioEncoderComponent,
    FlowTransformerComponent,
    FrameDecoderComponent,
    PortraitEncoderComponent,
)
from export.decoder_probe import decoder_probe
from export.half_weights import store_halves
from export.motion_basis import motion_basis
from export.networks import Networks
from export.to_onnx import export_component

# What each component tolerates: sound and portrait are cheap and set everything after, so they stay exact. For how few
# bits of convolutions is found on the finished bundle (assembly/calibration.py).
_PRECISION: dict[ComponentName, str] = {
    "audio_encoder": "float32",
    "portrait_encoder": "float32",
    "flow_transformer": "int8",
    "frame_decoder": "bfloat16",
}
_LICENCE = "Apache-2.0"


def make_bundle(
    networks: Networks, portraits: Path, output: Path, name: str = "illustrated"
) -> dict[ComponentName, float]:
    """Export every component and write the bundle; returns each component's parity error.

    portraits: folder of NAME.png and portraits.json ({name: title}), the first one being the default
    output: a new or empty folder, or an older bundle, which is replaced
    Raises BundleError; nothing is left behind then, and an older bundle stays as it was.
    """
    # What is cheap to refuse comes before the minutes that exporting takes.
    titles = _titles(portraits)
    with written_beside(output) as folder:
        errors, components = _export_components(networks, folder)
        for portrait in titles:
            shutil.copyfile(portraits / f"{portrait}.png", folder / "portraits" / f"{portrait}.png")
        manifest = Manifest(
            name=name,
            licence=_LICENCE,
            spec=networks.spec(),
            components=components,
            portraits={key: BundledPortrait(f"portraits/{key}.png", title, _LICENCE) for key, title in titles.items()},
            default_portrait=next(iter(titles)),
            made_by=networks.made_by,
            motion_basis=write_motion_basis(folder, motion_basis(networks.autoencoder)),
        )
        write_manifest(folder, manifest)
    return errors


def _export_components(
    networks: Networks, folder: Path
) -> tuple[dict[ComponentName, float], dict[ComponentName, Component]]:
    spec = networks.spec()
    modules = {
        "audio_encoder": AudioEncoderComponent(networks.audio_encoder),
        "portrait_encoder": PortraitEncoderComponent(networks.autoencoder),
        "flow_transformer": FlowTransformerComponent(networks.transformer),
        "frame_decoder": FrameDecoderComponent(networks.autoencoder),
    }
    errors: dict[ComponentName, float] = {}
    components: dict[ComponentName, Component] = {}
    for component, precision in _PRECISION.items():
        path = folder / f"{component}.onnx"
        probe = decoder_probe(networks.autoencoder, spec) if component == "frame_decoder" else None
        errors[component] = export_component(modules[component], spec.signature(component), path, probe)
        store_halves(path)
        components[component] = Component(path.name, precision, sha256_of(path))
    return errors, components


def _titles(portraits: Path) -> dict[str, str]:
    """Titles by name from a folder of portraits; raises BundleError where the list or a picture is missing."""
    path = portraits / "portraits.json"
    try:
        titles = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BundleError(f"{path} can't be read, expected the list of the bundle's faces: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} is not JSON: {error}") from error
    if not isinstance(titles, dict) or not titles:
        raise BundleError(f"{path} holds {titles!r}, expected names and titles of at least one face")
    if missing := [name for name in titles if not (portraits / f"{name}.png").is_file()]:
        raise BundleError(f"{portraits} lacks the pictures of {missing}, which {path.name} names")
    return titles
