"""OpenVINO on the CPU, the default where no GPU is: an ONNX file compiled for this machine.

Compiled models are kept in the user's cache. Each engine has inference requests of its own over a compiled model that
it shares with the engines bound from it, so bound engines run beside each other.
"""

import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from contract.errors import EngineBuildError, EngineRunError
from contract.spec import EngineSignature, TensorSpec
from engines.base import Array, FinishedRun, Precision, Run
from engines.cache import cache_folder
from engines.heap import return_free_memory
from engines.signature import check_artifact, check_inputs, check_outputs, check_some_inputs, shapes_of, without

# OpenVINO's package reports its use over the network, from a thread and a forked process. A server of faces and voices
# reports to nobody: where the reporting package is absent, OpenVINO takes its own empty stand-in.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino import properties  # noqa: E402
from openvino.properties import device, hint  # noqa: E402

from engines.activation_ranges import ranges_path, read_ranges  # noqa: E402
from engines.openvino_int8 import ROWS_STEPS, measure_ranges, quantize, shorten_matrices  # noqa: E402
from engines.openvino_precision import beside_int8, bfloat16_pays, int8_pays  # noqa: E402
from engines.openvino_run import OpenVinoRun, failure  # noqa: E402
from engines.openvino_sampling import PixelTable, gather_pixels  # noqa: E402
from engines.openvino_winograd import multiply_tiles  # noqa: E402

__all__ = ["OpenVinoEngine", "bfloat16_pays", "int8_pays", "measure_ranges"]

# Two threads that ask OpenVINO for a tensor's type for the first time at once wait for each other for ever.
_OPENING = Lock()


class OpenVinoEngine:
    """One component compiled by OpenVINO; `run` may be called from several threads, which take turns."""

    def __init__(
        self,
        artifact: Path,
        signature: EngineSignature,
        precision: Precision,
        num_threads: int | None,
        runs_at_once: int = 1,
    ) -> None:
        """Compile the artifact, or load it from the cache; raises EngineBuildError, SignatureMismatchError."""
        with _OPENING:
            self._model, self._tables = _compile(artifact, signature, precision, num_threads, runs_at_once)
            return_free_memory()
        self.signature = signature
        # The library may give fewer than it was asked for.
        self.runs_at_once = min(runs_at_once, int(self._model.get_property(properties.num_streams)))
        self._batches: dict[str, Array] = {}
        self._kept: dict[str, Any] = {}
        self._lock = Lock()
        self._open_requests({})

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run once; the outputs are the caller's own."""
        given = self._given(inputs)
        with self._lock:
            request = self._free_request()
            try:
                results = request.infer(given, share_inputs=True, share_outputs=False)
            except RuntimeError as error:
                raise failure(error, shapes_of(inputs)) from error
            outputs = {tensor.name: results[tensor.name] for tensor in self.signature.outputs}
        check_outputs(outputs, shapes_of(inputs))
        return outputs

    def begin(self, **inputs: Array) -> Run:
        """Begin a run; where all requests are under way, wait for the one that began first."""
        if self.runs_at_once == 1:
            # On the caller's own thread, which would wait for another one's.
            return FinishedRun(self.run(**inputs))
        given = self._given(inputs)
        with self._lock:
            names = [tensor.name for tensor in self.signature.outputs]
            run = OpenVinoRun(self._free_request(), given, shapes_of(inputs), names)
            self._under_way[-1] = run
        return run

    def bind(self, **constants: Array) -> "OpenVinoEngine":
        """The same model with requests of its own that keep these inputs."""
        check_some_inputs(self.signature, constants)
        self._check_open()
        bound = object.__new__(OpenVinoEngine)
        bound.signature = without(self.signature, set(constants))
        bound.runs_at_once = self.runs_at_once
        bound._model, bound._tables = self._model, self._tables
        bound._batches = {**self._batches, **{name: array[:, :0] for name, array in constants.items()}}
        bound._lock = Lock()
        # Copies, since requests read them at every run and the caller may write into its own.
        copies = {name: self._tensor(name, array) for name, array in constants.items()}
        bound._open_requests({**self._kept, **copies})
        return bound

    def close(self) -> None:
        """Drop the requests, when their runs have ended; the compiled model goes with the last engine of it."""
        with self._lock:
            for run in self._under_way:
                if run is not None:
                    run.settle()
            self._requests.clear()
            self._under_way.clear()
            self._kept = {}
            self._model = None

    def _open_requests(self, kept: dict[str, Any]) -> None:
        """As many as may be under way, all with the same inputs kept; the one whose turn is next stands first."""
        self._kept = kept
        self._requests: deque[Any] = deque(self._model.create_infer_request() for _ in range(self.runs_at_once))
        self._under_way: deque[OpenVinoRun | None] = deque([None] * self.runs_at_once)
        for request in self._requests:
            for name, tensor in kept.items():
                request.set_tensor(name, tensor)

    def _free_request(self) -> Any:
        """The request whose turn it is, its run before ended; it stands last from now on."""
        self._check_open()
        if (before := self._under_way[0]) is not None:
            before.settle()
        self._under_way[0] = None
        self._requests.rotate(-1)
        self._under_way.rotate(-1)
        return self._requests[-1]

    def _check_open(self) -> None:
        if not self._requests:
            raise EngineRunError("the engine is closed")

    def _given(self, inputs: dict[str, Array]) -> dict[str, Any]:
        """Checked inputs as the compiled model takes them."""
        check_inputs(self.signature, inputs, self._batches)
        return {
            name: self._tensor(name, array) if name in self._tables else np.ascontiguousarray(array)
            for name, array in inputs.items()
        }

    def _tensor(self, name: str, array: Array) -> Any:
        """A copy of an input, as the compiled model takes it."""
        table = self._tables.get(name)
        return ov.Tensor(np.ascontiguousarray(array)) if table is None else table.tensor(array)


def _compile(
    artifact: Path, signature: EngineSignature, precision: Precision, num_threads: int | None, runs_at_once: int
) -> tuple[Any, dict[str, PixelTable]]:
    """The compiled model, and those of its inputs that it takes as tables of pixels."""
    core = ov.Core()
    try:
        model = core.read_model(artifact)
    except RuntimeError as error:
        raise EngineBuildError(f"OpenVINO can't read {artifact}, expected an ONNX model: {error}") from error
    found = _signature_of(model, signature)
    check_artifact(signature, found, artifact.name)
    if found.inputs != signature.inputs:
        model.reshape({t.name: [-1 if size is None else size for size in t.shape] for t in signature.inputs})
    asked, precision = precision, beside_int8() if precision == "int8" else precision
    if precision == "bfloat16" and "BF16" not in core.get_property("CPU", device.capabilities):
        precision = "float32"
    tables = gather_pixels(model, precision)
    options = _in_8_bits(model, artifact) if asked == "int8" else {}
    if tables and precision == "float32":
        # What warps runs for every frame. Other components run seldom, and may keep the runtime's own convolutions.
        multiply_tiles(model)
    options |= {
        hint.performance_mode: hint.PerformanceMode.LATENCY,
        hint.inference_precision: ov.Type.bf16 if precision == "bfloat16" else ov.Type.f32,
        # A thread that is tied to a core waits there for whatever else the core is doing, and the others wait for it.
        hint.enable_cpu_pinning: False,
    }
    if runs_at_once > 1:
        # Each has its share of the threads. (A second model with all of them, for a run that is alone, was tried: its
        # threads spin after a run, and took the cores of the others.)
        options[properties.num_streams] = runs_at_once
    if num_threads is not None:
        options[properties.inference_num_threads] = num_threads
    if model.is_dynamic():
        # Kernels kept for other lengths are taken where they don't fit: after a first run on one frame, attention over
        # more of them is wrong for ever (OpenVINO 2026.4). New ones, where the length changes, cost 0.4 ms a layer.
        options["CPU_RUNTIME_CACHE_CAPACITY"] = 0
    folder = cache_folder(artifact, f"openvino {ov.__version__}", f"{asked} {precision}")
    if folder is not None:
        # A damaged or full cache must not stop the start; what fails without it as well is reported below.
        with suppress(RuntimeError):
            return core.compile_model(model, "CPU", {**options, properties.cache_dir: str(folder)}), tables
    try:
        return core.compile_model(model, "CPU", options), tables
    except RuntimeError as error:
        raise EngineBuildError(f"OpenVINO can't compile {artifact}: {error}") from error


def _in_8_bits(model: Any, artifact: Path) -> dict[Any, Any]:
    """Let a model multiply bytes, in place; returns what to compile it with."""
    if ranges_path(artifact).exists():
        quantize(model, read_ranges(artifact))
        return {}
    shorten_matrices(model)
    return dict(ROWS_STEPS)


def _signature_of(model: Any, expected: EngineSignature) -> EngineSignature:
    """A model's inputs and outputs, in the order of those expected where they are there."""
    return EngineSignature(
        _tensors(model.inputs, [tensor.name for tensor in expected.inputs]),
        _tensors(model.outputs, [tensor.name for tensor in expected.outputs]),
    )


def _tensors(ports: list[Any], order: list[str]) -> tuple[TensorSpec, ...]:
    tensors = []
    for port in ports:
        # One tensor may go by several names where the graph passes it through.
        names = port.get_names()
        name = next((name for name in order if name in names), min(names, default="(unnamed)"))
        rank_is_known = port.partial_shape.rank.is_static
        shape = tuple(None if d.is_dynamic else d.get_length() for d in port.partial_shape) if rank_is_known else ()
        tensors.append(TensorSpec(name, shape, str(port.element_type.to_dtype())))
    return tuple(sorted(tensors, key=lambda t: order.index(t.name) if t.name in order else len(order)))
