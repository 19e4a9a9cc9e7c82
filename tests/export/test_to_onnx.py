"""A component's file gives its module's numbers at any batch and length, and a file that does not is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from contract.errors import BundleError
from contract.spec import EngineSignature, TensorSpec
from export import to_onnx
from export.components import FlowTransformerComponent
from export.to_onnx import example_inputs, export_component, parity_error
from models.flow_transformer import FlowTransformer
from tests.export.tiny_avatar import TINY

SIGNATURE = EngineSignature((TensorSpec("x", (None, None, 3)),), (TensorSpec("y", (None, None, 2)),))


class Layer(nn.Module):
    """A linear layer whose weights are known."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(gain * torch.arange(6.0).reshape(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


def flow_signature() -> EngineSignature:
    flow, autoencoder = TINY.flow, TINY.autoencoder
    motion, audio = flow.latent_dim, flow.audio_feature_dim
    assert motion == autoencoder.latent_dim
    return EngineSignature(
        (
            TensorSpec("noisy_motion", (None, None, motion)),
            TensorSpec("audio_features", (None, None, audio)),
            TensorSpec("carried_motion", (None, flow.carried_frames, motion)),
            TensorSpec("carried_audio", (None, flow.carried_frames, audio)),
            TensorSpec("reference_motion", (None, motion)),
            TensorSpec("emotion", (None, 7)),
            TensorSpec("time", (None,)),
            TensorSpec("audio_guidance", (None,)),
            TensorSpec("emotion_guidance", (None,)),
        ),
        (TensorSpec("velocity", (None, None, motion)),),
    )


def test_the_file_holds_at_other_batches_and_lengths(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, path = FlowTransformerComponent(FlowTransformer(TINY.flow)).eval(), tmp_path / "flow.onnx"
    assert export_component(module, flow_signature(), path) <= 1e-4
    for batch, frames in ((1, 1), (1, TINY.flow.window_frames), (3, 7)):
        inputs = example_inputs(flow_signature(), batch, frames, seed=2)
        assert parity_error(module, flow_signature(), path, inputs) <= 1e-4, (batch, frames)


def test_another_modules_file_is_told_by_its_error(tmp_path: Path) -> None:
    path = tmp_path / "layer.onnx"
    assert export_component(Layer(), SIGNATURE, path) < 1e-6
    inputs = example_inputs(SIGNATURE, 1, 4, seed=0)
    assert parity_error(Layer(gain=1.01), SIGNATURE, path, inputs) == pytest.approx(0.01 / 1.01, rel=1e-3)


@pytest.mark.parametrize("spoilt_value", [1.5, float("nan"), float("inf")])
def test_a_file_that_differs_from_its_module_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt_value: float
) -> None:
    """The exporter is made to write one wrong weight, as a defect of it would."""
    write = torch.onnx.ONNXProgram.save

    def write_wrongly(program: torch.onnx.ONNXProgram, destination: str, **settings: object) -> None:
        write(program, destination, **settings)  # type: ignore[arg-type]
        model = onnx.load(destination)
        weight = next(t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
        values = numpy_helper.to_array(weight).copy()
        values.flat[-1] = spoilt_value
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
        onnx.save(model, destination)

    monkeypatch.setattr(torch.onnx.ONNXProgram, "save", write_wrongly)
    with pytest.raises(BundleError, match=r"layer\.onnx differs from its module by .*, expected at most 1e-04"):
        export_component(Layer(), SIGNATURE, tmp_path / "layer.onnx")


def test_a_module_that_gives_nothing_but_zeros_is_held_too(tmp_path: Path) -> None:
    assert export_component(Layer(gain=0.0), SIGNATURE, tmp_path / "layer.onnx") == 0
    inputs = {"x": np.ones((1, 2, 3), np.float32)}
    assert parity_error(Layer(gain=1.0), SIGNATURE, tmp_path / "layer.onnx", inputs) == 1


def test_examples_are_of_the_asked_size_and_times_lie_in_the_unit_interval() -> None:
    inputs = example_inputs(flow_signature(), 2, 5, seed=0)
    assert inputs["noisy_motion"].shape == (2, 5, 16) and inputs["carried_audio"].shape == (2, 6, 8)
    assert ((inputs["time"] >= 0) & (inputs["time"] < 1)).all()
    assert all(array.dtype == np.float32 for array in inputs.values())
    assert to_onnx.example_inputs(flow_signature(), 2, 5, seed=1)["emotion"].std() > 0.1
