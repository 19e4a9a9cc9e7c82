"""The components that see and paint: their files give their modules' numbers for several faces at once, too."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engines.registry import open_engine
from export.components import FrameDecoderComponent, PortraitEncoderComponent
from export.decoder_probe import decoder_probe
from export.to_onnx import export_component
from models.motion_autoencoder import MotionAutoencoder
from tests.export.tiny_float import SIZES
from tests.golden import relative_error

SPEC = SIZES.spec()
BATCH = 3


@pytest.mark.parametrize("name", ["portrait_encoder", "frame_decoder"])
def test_a_batch_gives_what_the_module_gives(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.manual_seed(0)
    autoencoder, path = MotionAutoencoder(SIZES.autoencoder), tmp_path / f"{name}.onnx"
    side = torch.linspace(-1, 1, SPEC.image_size_px)
    picture = torch.sin(3 * side[:, None] + 2 * side)
    module: nn.Module
    if name == "portrait_encoder":
        module, signature = PortraitEncoderComponent(autoencoder).eval(), SPEC.signature("portrait_encoder")
        alone = {"image": picture.expand(1, 3, -1, -1).numpy()}
        export_component(module, signature, path)
    else:
        module, signature = FrameDecoderComponent(autoencoder).eval(), SPEC.signature("frame_decoder")
        alone = decoder_probe(autoencoder, SPEC)
        export_component(module, signature, path, alone)
    # Another brightness, or another face and motion, for each.
    inputs = {key: np.concatenate([array * (1 - 0.2 * i) for i in range(BATCH)]) for key, array in alone.items()}
    with torch.inference_mode():
        outputs = module(*(torch.from_numpy(inputs[tensor.name]) for tensor in signature.inputs))
    expected = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    for backend in ("onnxruntime", "openvino"):
        engine = open_engine(backend, path, signature, "float32", 1)
        found = engine.run(**inputs)
        engine.close()
        for tensor, wanted in zip(signature.outputs, expected, strict=True):
            assert len(wanted) == BATCH and (wanted[0] != wanted[1]).any()
            assert relative_error(found[tensor.name], wanted.numpy()) < 1e-4, (backend, tensor.name)
