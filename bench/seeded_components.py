"""Components of seeded networks, as files.

    python -m bench.seeded_components SIZE FOLDER

In a process of its own, because exporting takes several times the networks' memory and does not give all of it back.
"""

import argparse
import sys
from pathlib import Path

from bench.seeded_networks import NETWORKS, SeededNetworks
from contract.spec import ComponentName
from export.components import (
    AudioEncoderComponent,
    FlowTransformerComponent,
    FrameDecoderComponent,
    PortraitEncoderComponent,
    Wav2Vec2AudioEncoderComponent,
)
from export.decoder_probe import decoder_probe
from export.to_onnx import export_component
from models.audio_encoder import MelAudioEncoder


def write_components(networks: SeededNetworks, folder: Path) -> dict[ComponentName, Path]:
    """Export the four components that frames are made with; raises BundleError where a file fails its check."""
    spec, audio_encoder = networks.spec, networks.audio_encoder
    modules = {
        "audio_encoder": AudioEncoderComponent(audio_encoder)
        if isinstance(audio_encoder, MelAudioEncoder)
        else Wav2Vec2AudioEncoderComponent(audio_encoder),
        "portrait_encoder": PortraitEncoderComponent(networks.autoencoder),
        "frame_decoder": FrameDecoderComponent(networks.autoencoder),
        "flow_transformer": FlowTransformerComponent(networks.transformer),
    }
    paths = component_paths(folder)
    for component, path in paths.items():
        probe = decoder_probe(networks.autoencoder, spec) if component == "frame_decoder" else None
        export_component(modules[component], spec.signature(component), path, probe)
    return paths


def component_paths(folder: Path) -> dict[ComponentName, Path]:
    """Where `write_components` puts each component."""
    names: tuple[ComponentName, ...] = ("audio_encoder", "portrait_encoder", "frame_decoder", "flow_transformer")
    return {name: folder / f"{name}.onnx" for name in names}


def main(arguments: list[str]) -> None:
    """Write the components of one size into a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("size", choices=sorted(NETWORKS))
    parser.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    write_components(NETWORKS[given.size](), given.folder)


if __name__ == "__main__":
    main(sys.argv[1:])
