"""ONNX Runtime on the CPU: the engine for machines that OpenVINO does not support, and a second opinion in tests.

It has no bfloat16 on the CPU, so every component runs in float32.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from contract.errors import EngineBuildError, EngineRunError
from contract.spec import EngineSignature, TensorSpec
from engines.base import Array, OneAtATime, Precision
from engines.signature import check_artifact, check_inputs, check_some_inputs, shapes_of, without

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
_ONLY_ERRORS = 3
# ONNX Runtime's errors share no base class but Exception.
_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
)


class OnnxEngine(OneAtATime):
    """One component in an inference session; sessions allow runs from several threads at once."""

    def __init__(
        self,
        artifact: Path,
        signature: EngineSignature,
        precision: Precision,
        num_threads: int | None,
        runs_at_once: int = 1,
    ) -> None:
        """Open the artifact; raises EngineBuildError, SignatureMismatchError. Its runs begin one after the other."""
        options = ort.SessionOptions()
        options.log_severity_level = _ONLY_ERRORS
        if num_threads is not None:
            options.intra_op_num_threads = num_threads
        # Threads that spin while they wait would take the cores from video coding, which runs beside this.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = ort.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
        except _ERRORS as error:
            raise EngineBuildError(f"ONNX Runtime can't open {artifact}, expected an ONNX model: {error}") from error
        found = EngineSignature(_tensors(session.get_inputs()), _tensors(session.get_outputs()))
        check_artifact(signature, found, artifact.name)
        self.signature = signature
        self._session: Any = session
        self._constants: dict[str, Array] = {}

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run once; the outputs are the caller's own."""
        check_inputs(self.signature, inputs, self._constants)
        # Held here, so that closing on another thread does not take it away in the middle of a run.
        session = self._session
        if session is None:
            raise EngineRunError("the engine is closed")
        given = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        names = [tensor.name for tensor in self.signature.outputs]
        try:
            return dict(zip(names, session.run(names, {**self._constants, **given}), strict=True))
        except _ERRORS as error:
            raise EngineRunError(f"ONNX Runtime failed on inputs {shapes_of(given)}: {error}") from error

    def bind(self, **constants: Array) -> "OnnxEngine":
        """The same session with these inputs kept; on the CPU the kept arrays are read where they lie."""
        check_some_inputs(self.signature, constants)
        if self._session is None:
            raise EngineRunError("the engine is closed")
        # Copies, since the caller may write into its own.
        copies = {name: np.array(array, order="C") for name, array in constants.items()}
        bound = object.__new__(OnnxEngine)
        bound.signature = without(self.signature, set(constants))
        bound._session = self._session
        bound._constants = {**self._constants, **copies}
        return bound

    def close(self) -> None:
        """Drop the session, which ends once no bound engine uses it."""
        self._session = None


def _tensors(nodes: list[Any]) -> tuple[TensorSpec, ...]:
    # A free axis has a name or nothing where a fixed one has its size.
    return tuple(
        TensorSpec(
            node.name,
            tuple(size if isinstance(size, int) else None for size in node.shape),
            _DTYPES.get(node.type, node.type),
        )
        for node in nodes
    )
