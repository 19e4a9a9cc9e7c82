"""FLOAT's released weights to a bundle that serves.

In:  the checkpoint and the two wav2vec2 folders, portraits
Out: a bundle folder, written beside and renamed
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from bundles.manifest import BundledPortrait, Component, Manifest, sha256_of, write_manifest
from bundles.motion_basis import write_motion_basis
from contract.errors import BundleError
from contract.spec import AvatarSpec, ComponentName, EngineSignature
from export.bundle_writer import written_beside
from export.components import (
    EmotionClassifierComponent,
    FlowTransformerComponent,
    FrameDecoderComponent,
    PortraitEncoderComponent,
    Wav2Vec2AudioEncoderComponent,
)
from export.decoder_probe import decoder_probe
from export.eight_bit_weights import store_in_8_bits
from export.float_networks import FloatFiles, FloatNetworks, FloatSizes, load_float
from export.motion_basis import motion_basis
from export.to_onnx import example_inputs, export_component, parity_error

LICENCE = (
    "CC BY-NC-ND 4.0, research only: FLOAT's released weights are their authors'; no commercial use, "
    "and nothing made from them may be passed on"
)
# What each component bears, in the order of export; sound and portrait set everything after, so they stay exact.
PRECISIONS: dict[ComponentName, str] = {
    "audio_encoder": "float32",
    "portrait_encoder": "float32",
    "frame_decoder": "bfloat16",
    "flow_transformer": "bfloat16",
    "emotion_classifier": "bfloat16",
}
_CLASSIFIER_PROBE_FRAMES = 50
_LARGEST_8_BIT_ERROR = 0.1  # of the likeliest emotion's probability
STEPS = ("reading the weights", *PRECISIONS, "writing the manifest")


@dataclass(frozen=True)
class PortraitPicture:
    """A face for the bundle: a PNG, cut out and of the avatar's size."""

    title: str
    licence: str
    png: bytes


def import_checkpoint(
    files: FloatFiles,
    portraits: Mapping[str, PortraitPicture],
    output: Path,
    on_step: Callable[[str], None],
    sizes: FloatSizes | None = None,
) -> dict[ComponentName, float]:
    """Export FLOAT's networks and write the bundle; returns each component's parity error.

    portraits: by name, the first one being the default
    output: a new or empty folder, or an older bundle, which is replaced
    on_step: told the name of each of STEPS as it begins
    sizes: None is the released ones
    Raises BundleError; nothing is left behind then, and an older bundle stays as it was.
    """
    if not portraits:
        raise BundleError("there are no portraits, expected at least one face for the bundle")
    sizes = sizes or FloatSizes()
    spec = sizes.spec()
    with written_beside(output) as folder:
        on_step(STEPS[0])
        networks = load_float(files, sizes)
        basis, made_by = motion_basis(networks.autoencoder), _made_by(networks.files_read)
        errors: dict[ComponentName, float] = {}
        components: dict[ComponentName, Component] = {}
        parts = _components(networks, spec)
        # So that each network is let go once it is written.
        del networks
        for name, module, probe in parts:
            on_step(name)
            path = folder / f"{name}.onnx"
            errors[name] = export_component(module, spec.signature(name), path, probe)
            if name == "emotion_classifier":
                errors[name] = max(errors[name], shorten(module, spec.signature(name), path))
            components[name] = Component(path.name, PRECISIONS[name], sha256_of(path))
            del module, probe
        on_step(STEPS[-1])
        for name_of_face, portrait in portraits.items():
            (folder / "portraits" / f"{name_of_face}.png").write_bytes(portrait.png)
        manifest = Manifest(
            name="float",
            licence=LICENCE,
            spec=spec,
            components=components,
            portraits={
                name: BundledPortrait(f"portraits/{name}.png", portrait.title, portrait.licence)
                for name, portrait in portraits.items()
            },
            default_portrait=next(iter(portraits)),
            made_by=made_by,
            motion_basis=write_motion_basis(folder, basis),
        )
        write_manifest(folder, manifest)
    return errors


def _components(
    networks: FloatNetworks, spec: AvatarSpec
) -> Iterator[tuple[ComponentName, nn.Module, Mapping[str, np.ndarray] | None]]:
    """The components, the largest last, when the others are gone: exporting takes several times their size."""
    autoencoder, transformer = networks.autoencoder, networks.transformer
    audio_encoder, classifier = networks.audio_encoder, networks.emotion_classifier
    del networks
    yield "audio_encoder", Wav2Vec2AudioEncoderComponent(audio_encoder), None
    del audio_encoder
    yield "portrait_encoder", PortraitEncoderComponent(autoencoder), None
    yield "frame_decoder", FrameDecoderComponent(autoencoder), decoder_probe(autoencoder, spec)
    del autoencoder
    yield "flow_transformer", FlowTransformerComponent(transformer), None
    del transformer
    yield "emotion_classifier", EmotionClassifierComponent(classifier), None


def shorten(module: nn.Module, signature: EngineSignature, path: Path) -> float:
    """The classifier's weights to 8 bits: it is more than half of all weights, and gives seven numbers a second.

    Returns the relative error; where it is large the file stays as it was.
    """
    shortened = path.with_suffix(".8bit.onnx")
    if store_in_8_bits(path, shortened) == 0:
        shortened.unlink()
        return 0.0
    error = parity_error(module, signature, shortened, example_inputs(signature, 1, _CLASSIFIER_PROBE_FRAMES, seed=1))
    if error <= _LARGEST_8_BIT_ERROR:
        shortened.replace(path)
        return error
    shortened.unlink()
    return 0.0


def _made_by(files: Iterable[Path]) -> dict[str, object]:
    return {
        "program": "float-avatar import-checkpoint",
        "read": [{"file": f"{path.parent.name}/{path.name}", "sha256": sha256_of(path)} for path in files],
    }
