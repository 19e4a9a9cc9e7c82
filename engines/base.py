"""The engine interface: named arrays in, named arrays out.

In: an exported component (an ONNX file) and the signature it must have.
Out: `run(**inputs)` giving numpy arrays by name. Stateless, so one engine serves every session. `begin(**inputs)`
starts a run and goes on; some engines have several under way at once.
"""

from abc import ABC, abstractmethod
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.spec import EngineSignature

Array = NDArray[np.generic]
Precision = Literal["float32", "bfloat16", "int8"]


class Run(Protocol):
    """A run that has begun."""

    def outputs(self) -> dict[str, Array]:
        """Wait for its end; the same outputs whenever it is asked. Raises EngineRunError."""
        ...


class FinishedRun:
    """A run that has ended."""

    def __init__(self, outputs: dict[str, Array]) -> None:
        self._outputs = outputs

    def outputs(self) -> dict[str, Array]:
        """What it gave."""
        return self._outputs


class OneAtATime(ABC):
    """What an engine inherits whose runs end where they begin."""

    runs_at_once = 1

    @abstractmethod
    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run once."""

    def begin(self, **inputs: Array) -> FinishedRun:
        """Run once, to the end."""
        return FinishedRun(self.run(**inputs))


class Engine(Protocol):
    """One component, ready to run.

    runs_at_once: how many that have begun go on beside each other, each with its share of the threads; where it is 1,
        `begin` waits for the end
    """

    signature: EngineSignature
    runs_at_once: int

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run once. Inputs and outputs as in `signature`; raises SignatureMismatchError, EngineRunError."""
        ...

    def begin(self, **inputs: Array) -> Run:
        """Begin a run, whose inputs nobody may write to before its end; it need not be waited for.

        Raises SignatureMismatchError; other errors as `run`, here or from the run's outputs.
        """
        ...

    def bind(self, **constants: Array) -> "Engine":
        """The same engine with these inputs kept where it runs; `run` of the result takes the others only."""
        ...

    def close(self) -> None:
        """Release what the engine holds. Running it afterwards is an error."""
        ...
