"""Checks of tensors against a component's signature, the same for every backend."""

from collections.abc import Mapping, Sequence

from contract.errors import EngineRunError, SignatureMismatchError
from contract.spec import EngineSignature, TensorSpec
from engines.base import Array

Shape = tuple[int | None, ...]


def check_artifact(expected: EngineSignature, found: EngineSignature, artifact: str) -> None:
    """Check that an artifact has the component's inputs and outputs; raises SignatureMismatchError naming what differs.

    A free axis of the artifact takes any size, so it fits a fixed axis of the signature. The reverse does not fit.
    """
    differences = [
        *_differences("input", expected.inputs, found.inputs),
        *_differences("output", expected.outputs, found.outputs),
    ]
    if differences:
        raise SignatureMismatchError(f"{artifact} is not the component expected: " + "; ".join(differences))


def check_inputs(signature: EngineSignature, inputs: Mapping[str, Array], constants: Mapping[str, Array]) -> None:
    """Check the arrays of one run; raises SignatureMismatchError naming what differs.

    signature: of what is left to give
    constants: what is bound already, which must be of the same batch
    """
    by_name = {tensor.name: tensor for tensor in signature.inputs}
    if missing := sorted(by_name.keys() - inputs.keys()):
        raise SignatureMismatchError(f"inputs {missing} are missing, expected {sorted(by_name)}")
    check_some_inputs(signature, inputs)
    batches = {name: array.shape[0] for name, array in (*constants.items(), *inputs.items())}
    if len(set(batches.values())) > 1:
        raise SignatureMismatchError(f"inputs are of batches {batches}, expected one size for all")


def check_outputs(outputs: Mapping[str, Array], input_shapes: Mapping[str, Sequence[int]]) -> None:
    """Check that a run gave anything; raises EngineRunError where an output is empty.

    A backend may swallow its own failure: OpenVINO on one thread gives empty arrays where shapes don't go together.
    """
    empty = sorted(name for name, array in outputs.items() if array.size == 0)
    if empty and all(0 not in shape for shape in input_shapes.values()):
        raise EngineRunError(f"outputs {empty} are empty for inputs {dict(input_shapes)}, expected values")


def shapes_of(arrays: Mapping[str, Array]) -> dict[str, list[int]]:
    """The shape of each array, for messages."""
    return {name: list(array.shape) for name, array in arrays.items()}


def check_some_inputs(signature: EngineSignature, inputs: Mapping[str, Array]) -> None:
    """Check arrays that are part of a run's inputs; raises SignatureMismatchError naming what differs."""
    by_name = {tensor.name: tensor for tensor in signature.inputs}
    if unknown := sorted(inputs.keys() - by_name.keys()):
        raise SignatureMismatchError(f"inputs {unknown} are unknown, expected {sorted(by_name)}")
    for name, array in inputs.items():
        tensor = by_name[name]
        if str(array.dtype) != tensor.dtype:
            raise SignatureMismatchError(f"input {name} is {array.dtype}, expected {tensor.dtype}")
        if not _fits(tensor.shape, array.shape):
            raise SignatureMismatchError(
                f"input {name} has shape {list(array.shape)}, expected {describe_shape(tensor.shape)}"
            )


def without(signature: EngineSignature, names: frozenset[str] | set[str]) -> EngineSignature:
    """The signature that is left to give when inputs of these names are bound."""
    return EngineSignature(tuple(t for t in signature.inputs if t.name not in names), signature.outputs)


def describe_shape(shape: Shape) -> str:
    """A shape for people, with * for a free axis."""
    return "[" + ", ".join("*" if size is None else str(size) for size in shape) + "]"


def _fits(expected: Shape, found: Shape) -> bool:
    return len(expected) == len(found) and all(e is None or e == f for e, f in zip(expected, found, strict=True))


def _differences(kind: str, expected: tuple[TensorSpec, ...], found: tuple[TensorSpec, ...]) -> list[str]:
    found_by_name = {tensor.name: tensor for tensor in found}
    expected_names = {tensor.name for tensor in expected}
    differences = [f"{kind} {t.name} is missing" for t in expected if t.name not in found_by_name]
    differences += [f"{kind} {t.name} is not expected" for t in found if t.name not in expected_names]
    for tensor in expected:
        if tensor.name not in found_by_name:
            continue
        other = found_by_name[tensor.name]
        if other.dtype != tensor.dtype:
            differences.append(f"{kind} {tensor.name} is {other.dtype}, expected {tensor.dtype}")
        if not _takes(other.shape, tensor.shape):
            differences.append(
                f"{kind} {tensor.name} has shape {describe_shape(other.shape)}, expected {describe_shape(tensor.shape)}"
            )
    return differences


def _takes(artifact: Shape, wanted: Shape) -> bool:
    """True where each of the artifact's axes is free or exactly what is wanted."""
    return len(artifact) == len(wanted) and all(a is None or a == w for a, w in zip(artifact, wanted, strict=True))
