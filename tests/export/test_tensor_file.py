"""Files of tensors are read whatever their kind; what is damaged, foreign or dangerous is refused with its name."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from contract.errors import BundleError
from export.tensor_file import check_values, read_tensors

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2000)}


def save_legacy(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("save", "name"),
    [(torch.save, "float.pth"), (save_legacy, "float.pth"), (torch.save, "model.bin"), (save_file, "one.safetensors")],
)
def test_every_kind_gives_the_tensors(tmp_path: Path, save: Callable[..., object], name: str) -> None:
    save(TENSORS, tmp_path / name)
    read = read_tensors(tmp_path / name)
    assert read.keys() == TENSORS.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize(
    ("save", "name"), [(torch.save, "float.pth"), (save_legacy, "float.pth"), (save_file, "one.safetensors")]
)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, save: Callable[..., object], name: str, share: float) -> None:
    path = tmp_path / name
    save(TENSORS, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BundleError, match=name):
        read_tensors(path)


class Dangerous:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [torch.save, save_legacy, lambda state, path: path.write_bytes(pickle.dumps(state))])
def test_a_pickle_that_wants_code_is_refused_and_runs_none(tmp_path: Path, save: Callable[..., object]) -> None:
    save({**TENSORS, "more": Dangerous(tmp_path / "made")}, tmp_path / "float.pth")
    with pytest.raises(BundleError, match=r"float\.pth is no checkpoint.*more than tensors"):
        read_tensors(tmp_path / "float.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["float.pth"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"state_dict": TENSORS, "step": 3}, r"'state_dict' \(dict\), 'step' \(int\)"),
        ({}, "is empty"),
        ({3: torch.zeros(1)}, r"3 \(Tensor\)"),
        ([torch.zeros(1)], "holds list"),
    ],
)
def test_anything_but_tensors_by_name_is_refused(tmp_path: Path, state: object, message: str) -> None:
    torch.save(state, tmp_path / "float.pth")
    with pytest.raises(BundleError, match=message):
        read_tensors(tmp_path / "float.pth")


@pytest.mark.parametrize("name", ["float.pth", "one.safetensors"])
def test_what_is_no_file_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match=f"{name} is not there"):
        read_tensors(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(BundleError, match=f"{name} is a folder"):
        read_tensors(tmp_path / name)


@pytest.mark.parametrize("name", ["float.pth", "one.safetensors"])
def test_a_text_is_no_checkpoint(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<!DOCTYPE html> please log in to download")
    with pytest.raises(BundleError, match=name):
        read_tensors(tmp_path / name)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor([1.0, float("nan")]), "fmt.a holds values that are not finite"),
        (torch.tensor([1.0, float("inf")], dtype=torch.float16), "not finite"),
        (torch.tensor([1, 2]), "torch.int64"),
        (torch.tensor([1j]), "torch.complex64"),
        (torch.eye(2).to_sparse(), "sparse"),
        (torch.ones(2, device="meta"), "meta"),
    ],
)
def test_values_that_are_none_are_named(tensor: torch.Tensor, message: str) -> None:
    with pytest.raises(BundleError, match=rf"x\.pth: .*{message}"):
        check_values("fmt.a", tensor, "x.pth")


def test_half_precision_will_do() -> None:
    check_values("fmt.a", torch.ones(3, dtype=torch.bfloat16), "x.pth")
