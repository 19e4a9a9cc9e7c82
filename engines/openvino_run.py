"""One run of an OpenVINO request, from its begin to its outputs.

In: a request that is free, with its inputs. Out: the outputs by name, copies of the request's own.
"""

from threading import Lock
from typing import Any

import numpy as np

from contract.errors import EngineRunError
from engines.base import Array
from engines.signature import check_outputs


class OpenVinoRun:
    """A run that has begun. The request is free again when it is settled, waited for or not."""

    def __init__(self, request: Any, inputs: dict[str, Any], shapes: dict[str, list[int]], names: list[str]) -> None:
        """Begin it; what fails is told by `outputs`.

        inputs: arrays and tensors by name, which the request reads where they lie
        shapes: of the inputs as they were given, for messages
        names: of the outputs
        """
        self._request = request
        self._inputs = inputs
        self._shapes = shapes
        self._names = names
        self._lock = Lock()
        self._outputs: dict[str, Array] = {}
        self._error: Exception | None = None
        try:
            request.start_async(inputs, share_inputs=True)
        except RuntimeError as error:
            self._error = error
            self._request = None

    def settle(self) -> None:
        """Wait for the end and keep what came of it."""
        with self._lock:
            request, self._request = self._request, None
            if request is None:
                return
            try:
                request.wait()
                self._outputs = {name: np.array(request.get_tensor(name).data) for name in self._names}
            except RuntimeError as error:
                self._error = error
            self._inputs = {}

    def outputs(self) -> dict[str, Array]:
        """Wait for the end; the outputs are the caller's own. Raises EngineRunError."""
        self.settle()
        if self._error is not None or not self._outputs:
            raise failure(self._error or RuntimeError("no outputs"), self._shapes) from self._error
        check_outputs(self._outputs, self._shapes)
        return self._outputs


def failure(error: Exception, shapes: dict[str, list[int]]) -> EngineRunError:
    """What the library said, in the project's terms. shapes: of the inputs."""
    return EngineRunError(f"OpenVINO failed on inputs {shapes}: {error}")
