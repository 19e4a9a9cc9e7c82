"""The backends by name, and the one function that opens an engine.

A backend's library is imported when it is first asked for; those not asked for need not be installed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from contract.errors import ConfigError, EngineBuildError, EngineNotFoundError
from contract.spec import EngineSignature
from engines.base import Array, Engine, Precision

Opener = Callable[[Path, EngineSignature, Precision, int | None, int], Engine]


@dataclass(frozen=True, slots=True)
class Backend:
    """A way to run an artifact.

    library: the package it needs
    opener: imports the backend's file and gives the constructor
    """

    library: str
    opener: Callable[[], Opener]

    @property
    def is_installed(self) -> bool:
        """True where the library can be imported."""
        return find_spec(self.library) is not None


def _openvino() -> Opener:
    from engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine


def _onnxruntime() -> Opener:
    from engines.onnx_engine import OnnxEngine

    return OnnxEngine


# "auto" takes the first that is installed.
BACKENDS = {"openvino": Backend("openvino", _openvino), "onnxruntime": Backend("onnxruntime", _onnxruntime)}


def installed_backends() -> tuple[str, ...]:
    """Names of the backends whose library is there, the preferred one first."""
    return tuple(name for name, backend in BACKENDS.items() if backend.is_installed)


def resolve_backend(name: str) -> str:
    """The backend that a name stands for; raises EngineNotFoundError for an unknown or uninstalled one."""
    if name == "auto":
        installed = installed_backends()
        if not installed:
            libraries = " or ".join(backend.library for backend in BACKENDS.values())
            raise EngineNotFoundError(f"no engine is installed, expected {libraries}")
        return installed[0]
    if name not in BACKENDS:
        raise EngineNotFoundError(f"engine {name!r} is unknown, expected auto, {', '.join(BACKENDS)}")
    if not BACKENDS[name].is_installed:
        raise EngineNotFoundError(f"engine {name!r} needs the package {BACKENDS[name].library}, which is not installed")
    return name


def takes_bfloat16(name: str) -> bool:
    """True where a backend, by its name, should be asked for bfloat16 on this machine; measured the first time."""
    if name != "openvino":
        return True
    from engines.openvino_engine import bfloat16_pays

    return bfloat16_pays()


def takes_int8(name: str) -> bool:
    """True where a backend, by its name, should be asked for products in 8 bits; measured the first time."""
    if name != "openvino":
        return False
    from engines.openvino_engine import int8_pays

    return int8_pays()


def measure_ranges(
    artifact: Path, signature: EngineSignature, samples: Iterable[Mapping[str, Array]]
) -> dict[str, tuple[float, float]]:
    """What an artifact's convolutions are given over some runs, as "int8" needs it; on OpenVINO.

    signature: of fixed shapes; samples: inputs by name, a run each
    Raises EngineNotFoundError, EngineBuildError.
    """
    resolve_backend("openvino")
    from engines.openvino_engine import measure_ranges

    return measure_ranges(artifact, signature, samples)


def open_engine(
    name: str,
    artifact: Path,
    signature: EngineSignature,
    precision: Precision = "float32",
    num_threads: int | None = None,
    runs_at_once: int = 1,
) -> Engine:
    """Open an artifact with a backend.

    name: "auto" or one of BACKENDS
    signature: what the artifact must have; an axis fixed here and free in the artifact is compiled as fixed
    precision: "bfloat16" allows it where the machine has it and is float32 elsewhere; "int8" multiplies
        bytes in convolutions, by the ranges beside the artifact, or in matrices where there are none, takes the better
        of the two others for the rest, and is float32 where the backend has no 8 bits
    num_threads: of all runs under way together; None leaves it to the backend
    runs_at_once: how many shall go on beside each other, with their share of the threads each, where the backend can
    Raises EngineNotFoundError, EngineBuildError, SignatureMismatchError, ConfigError.
    """
    backend = BACKENDS[resolve_backend(name)]
    if precision not in get_args(Precision):
        raise ConfigError(f"precision {precision!r}, expected one of {', '.join(get_args(Precision))}")
    if num_threads is not None and num_threads < 1:
        raise ConfigError(f"num_threads {num_threads}, expected at least 1")
    if runs_at_once < 1 or (num_threads is not None and runs_at_once > num_threads):
        most = "" if num_threads is None else f" and at most the {num_threads} threads"
        raise ConfigError(f"runs_at_once {runs_at_once}, expected at least 1{most}")
    if not artifact.is_file():
        raise EngineBuildError(f"{artifact} is no file, expected an exported component")
    return backend.opener()(artifact, signature, precision, num_threads, runs_at_once)
