"""The components that see and paint: their files give their modules' numbers for several faces at once, too."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from torch import Tensor, nn

from assembly.avatar_factory import of_one
from contract.spec import AvatarSpec
from engines.base import Precision
from engines.openvino_sampling import gather_pixels
from engines.registry import open_engine
from export.components import FrameDecoderComponent, PortraitEncoderComponent
from export.decoder_probe import decoder_probe
from export.to_onnx import export_component
from models.autoencoder_config import AutoencoderConfig
from models.frame_decoder import FlowHead
from models.motion_autoencoder import MotionAutoencoder
from tests.export.tiny_avatar import last_template_layer, spread_anchors, teach_anchors, teach_flow_and_shape
from tests.export.tiny_float import SIZES
from tests.golden import relative_error

BATCH = 3
FLOAT = SIZES.autoencoder, SIZES.spec()
# So many channels that sampling becomes gathers, and levels below, at and above the template's side.
EMBEDDED = (
    AutoencoderConfig(
        channels=(16, 16, 24, 16, 16),
        latent_dim=16,
        num_motion_directions=6,
        num_blended_levels=3,
        composites=True,
        flow_template_px=16,
        reads_apart=True,
    ),
    replace(SIZES.spec(), image_size_px=64, pyramid_channels=(16, 24, 16, 3), reads_framing=True),
)
# The smallest picture in which anchors are heard.
ANCHORED = (
    replace(EMBEDDED[0], channels=(16, 16, 16, 16, 16, 8), num_anchor_features=6),
    replace(EMBEDDED[1], image_size_px=128, pyramid_channels=(16, 16, 16, 16, 3), num_face_values=486),
)
Kind = tuple[AutoencoderConfig, AvatarSpec]


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def autoencoder_of(kind: Kind) -> MotionAutoencoder:
    """With random weights, and a template, a shape and anchors that say something."""
    torch.manual_seed(0)
    autoencoder = MotionAutoencoder(kind[0])
    if kind[0].flow_template_px:
        teach_flow_and_shape(autoencoder)
    if autoencoder.dec.anchor_motion is not None:
        teach_anchors(autoencoder)
        spread_anchors(autoencoder.dec.anchor_motion)
    return autoencoder.eval()


@pytest.mark.parametrize("kind", [FLOAT, EMBEDDED, ANCHORED], ids=["float", "embedded", "anchored"])
@pytest.mark.parametrize("name", ["portrait_encoder", "frame_decoder"])
def test_a_batch_gives_what_the_module_gives(name: str, kind: Kind, tmp_path: Path) -> None:
    autoencoder, path, spec = autoencoder_of(kind), tmp_path / f"{name}.onnx", kind[1]
    side = torch.linspace(-1, 1, spec.image_size_px)
    picture = torch.sin(3 * side[:, None] + 2 * side)
    module: nn.Module
    if name == "portrait_encoder":
        module, signature = PortraitEncoderComponent(autoencoder).eval(), spec.signature("portrait_encoder")
        alone = {"image": picture.expand(1, 3, -1, -1).numpy()}
        export_component(module, signature, path)
    else:
        module, signature = FrameDecoderComponent(autoencoder).eval(), spec.signature("frame_decoder")
        alone = decoder_probe(autoencoder, spec)
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


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.06)])
def test_sampling_becomes_gathers_under_a_template_too(precision: Precision, tolerance: float, tmp_path: Path) -> None:
    """A template that adds to the flow leaves the base grid the constant that gathering takes apart."""
    autoencoder, spec, path = autoencoder_of(EMBEDDED), EMBEDDED[1], tmp_path / "frame_decoder.onnx"
    module, signature = FrameDecoderComponent(autoencoder).eval(), of_one(spec.signature("frame_decoder"))
    inputs = decoder_probe(autoencoder, spec)
    export_component(module, spec.signature("frame_decoder"), path, inputs)
    model = ov.Core().read_model(path)
    model.reshape({tensor.name: list(tensor.shape) for tensor in signature.inputs})
    tables = gather_pixels(model, precision)
    many = [t.name for t, channels in zip(signature.inputs[2:], spec.pyramid_channels, strict=True) if channels >= 16]
    assert list(tables) == many and len(many) == 3
    left = [node.get_type_name() for node in model.get_ordered_ops()]
    assert left.count("GridSample") == 1 and "Gather" in left
    given = [torch.from_numpy(inputs[tensor.name]) for tensor in signature.inputs]
    with torch.inference_mode():
        expected = module(*given).numpy()
        last_template_layer(autoencoder).weight.zero_()
        assert np.abs(module(*given).numpy() - expected).max() > 0.1
    engine = open_engine("openvino", path, signature, precision, 1)
    pyramid = {tensor.name: inputs[tensor.name] for tensor in signature.inputs[2:]}
    bound = engine.bind(**pyramid)
    frames = [engine.run(**inputs), bound.run(**{name: each for name, each in inputs.items() if name not in pyramid})]
    engine.close()
    for found in frames:
        # Here and there a flow of random weights leaps by the whole picture, and a little rounding makes it leap past.
        wrong = np.asarray(found["frame"], np.float32) - expected
        assert np.sqrt(np.mean(wrong**2) / np.mean(expected**2)) < tolerance


# Of values from -1 to 1. Random weights' flows leap where rounding is; a trained decoder's do not.
SMALLEST_PSNR_DB = 30.0


def test_anchors_keep_their_places_in_bfloat16(tmp_path: Path) -> None:
    """Whole pixels and the rest are told apart, so that eight bits place an anchor as float32 does."""
    autoencoder, spec, path = autoencoder_of(ANCHORED), ANCHORED[1], tmp_path / "frame_decoder.onnx"
    # Flows of random weights leap by the whole picture: here what anchors say is what moves it.
    with torch.no_grad():
        for head in autoencoder.dec.to_flows:
            assert isinstance(head, FlowHead)
            head.conv.weight.mul_(0.03)
    module, signature = FrameDecoderComponent(autoencoder).eval(), of_one(spec.signature("frame_decoder"))
    inputs = decoder_probe(autoencoder, spec)
    export_component(module, spec.signature("frame_decoder"), path, inputs)
    frames = {}
    for precision in ("float32", "bfloat16"):
        engine = open_engine("openvino", path, signature, precision, 1)
        frames[precision] = np.asarray(engine.run(**inputs)["frame"], np.float32)
        engine.close()
    wrong = frames["bfloat16"] - frames["float32"]
    assert wrong.any(), "another precision gives other numbers"
    psnr_db = 10 * np.log10(4 / np.mean(wrong**2))
    assert psnr_db > SMALLEST_PSNR_DB
    # A face that was read otherwise is another picture: the comparison can fail.
    with torch.inference_mode():
        given = [torch.from_numpy(inputs[tensor.name]) for tensor in signature.inputs]
        other = module(*given[:-1], given[-1] + 1).numpy()
    assert 10 * np.log10(4 / np.mean((other - frames["float32"]) ** 2)) < SMALLEST_PSNR_DB
