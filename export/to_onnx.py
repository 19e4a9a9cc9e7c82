"""A component to one ONNX file, and the proof that the file gives the module's numbers.

In:  a module of export/components.py and its signature
Out: FILE.onnx beside what was asked, checked on ONNX Runtime in float32
"""

import inspect
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from contract.errors import BundleError
from contract.packets import SAMPLES_PER_FRAME
from contract.spec import EngineSignature, TensorSpec
from engines.registry import open_engine

# Warping multiplies rounding by the picture's contrast, level after level.
_LARGEST_ERROR = {"frame": 1e-3}
_LARGEST_LATENT_ERROR = 1e-4
_SMALLEST_SPREAD = 1e-6
_EXPORTERS_LOGS = ("torch.onnx", "onnxscript", "onnx_ir")
_EXAMPLE_BATCH = 2
_EXAMPLE_FRAMES = 13
_MOST_DRAWN_FRAMES = 50
_MOST_HEARD_FRAMES = 15_000  # ten minutes
_FEWEST_SAMPLES = 400  # what wav2vec2's convolutions make one feature of


def export_component(
    module: nn.Module, signature: EngineSignature, path: Path, probe: Mapping[str, np.ndarray] | None = None
) -> float:
    """Write a module as ONNX with free batch and frame axes; returns the largest relative error of the file.

    probe: inputs to compare on, random ones if None. The decoder needs real ones: warping noise by a flow read
        from noise amplifies rounding without bound.
    Raises BundleError when the file does not give the module's numbers: latents to 1e-4, frames to 1e-3.
    """
    module = module.eval()
    inputs = example_inputs(signature, _EXAMPLE_BATCH, _EXAMPLE_FRAMES, seed=0)
    most = _MOST_HEARD_FRAMES if any(spec.name == "pcm" for spec in signature.inputs) else _MOST_DRAWN_FRAMES
    batch, frames = torch.export.Dim("batch", min=1, max=64), torch.export.Dim("frames", min=1, max=most)
    # Where something comes out for each frame, sound is whole frames; else it is as long as it is.
    samples = SAMPLES_PER_FRAME * frames
    if all(None not in spec.shape[1:] for spec in signature.outputs):
        samples = torch.export.Dim("samples", min=_FEWEST_SAMPLES, max=most * SAMPLES_PER_FRAME)
    axes = {spec.name: _free_axes(spec, batch, samples if spec.name == "pcm" else frames) for spec in signature.inputs}
    names = [spec.name for spec in signature.inputs]
    tensors = tuple(torch.from_numpy(inputs[name]) for name in names)
    with _quiet_exporter():
        program = torch.onnx.export(
            module,
            tensors,
            input_names=names,
            output_names=[spec.name for spec in signature.outputs],
            dynamic_shapes=_shapes_as_called(module, names, axes),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(str(path), external_data=False)
    error = parity_error(module, signature, path, probe or example_inputs(signature, batch=1, frames=9, seed=1))
    limit = _LARGEST_ERROR.get(signature.outputs[0].name, _LARGEST_LATENT_ERROR)
    # So that a figure that is none is refused as well.
    if not error <= limit:
        raise BundleError(f"{path.name} differs from its module by {error:.1e}, expected at most {limit:.0e}")
    return error


def parity_error(module: nn.Module, signature: EngineSignature, path: Path, inputs: Mapping[str, np.ndarray]) -> float:
    """Largest |difference| over largest |value| of any output of a module and its file; NaN where either has one."""
    with torch.inference_mode():
        outputs = module(*(torch.from_numpy(inputs[spec.name]) for spec in signature.inputs))
    expected = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    engine = open_engine("onnxruntime", path, signature, "float32", 2)
    try:
        got = engine.run(**inputs)
    finally:
        engine.close()
    errors = [
        np.abs(got[spec.name] - value.numpy()).max() / max(float(np.abs(value.numpy()).max()), _SMALLEST_SPREAD)
        for spec, value in zip(signature.outputs, expected, strict=True)
    ]
    return float(np.max(errors))


def example_inputs(signature: EngineSignature, batch: int, frames: int, seed: int) -> dict[str, np.ndarray]:
    """Random inputs of unit spread; time within [0, 1]."""
    generator = np.random.default_rng(seed)
    inputs = {}
    for spec in signature.inputs:
        length = frames * SAMPLES_PER_FRAME if spec.name == "pcm" else frames
        shape = [batch if axis == 0 else length if size is None else size for axis, size in enumerate(spec.shape)]
        values = generator.standard_normal(shape).astype(spec.dtype)
        inputs[spec.name] = np.abs(values) % 1 if spec.name == "time" else values
    return inputs


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter warns of its own internals and of packages that nothing here needs; parity is what counts."""
    levels = {log: log.level for log in map(logging.getLogger, _EXPORTERS_LOGS)}
    try:
        for log in levels:
            log.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)


def _free_axes(spec: TensorSpec, batch: torch.export.Dim, length: torch.export.Dim) -> dict[int, torch.export.Dim]:
    return {axis: batch if axis == 0 else length for axis, size in enumerate(spec.shape) if size is None}


def _shapes_as_called(
    module: nn.Module, names: list[str], axes: dict[str, dict[int, torch.export.Dim]]
) -> tuple[object, ...]:
    """Axes in the nesting of forward's arguments: those of its variadic one stand together."""
    kinds = [each.kind for each in inspect.signature(module.forward).parameters.values()]
    in_order = tuple(axes[name] for name in names)
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return in_order
    num_named = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    return (*in_order[:num_named], in_order[num_named:])
