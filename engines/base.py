"""The engine interface: named arrays in, named arrays out.

In: an exported component (an ONNX file) and the signature it must have.
Out: `run(**inputs)` giving numpy arrays by name. Stateless, so one engine serves every session.
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.spec import EngineSignature

Array = NDArray[np.generic]
Precision = Literal["float32", "bfloat16"]


class Engine(Protocol):
    """One component, ready to run."""

    signature: EngineSignature

    def run(self, **inputs: Array) -> dict[str, Array]:
        """Run once. Inputs and outputs as in `signature`; raises SignatureMismatchError, EngineRunError."""
        ...

    def bind(self, **constants: Array) -> "Engine":
        """The same engine with these inputs kept where it runs; `run` of the result takes the others only."""
        ...

    def close(self) -> None:
        """Release what the engine holds. Running it afterwards is an error."""
        ...
