"""A checkpoint is read without running any code of it, and what is wrong with it is said by name."""

import pickle
import random
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from contract.errors import BundleError
from models.checkpoint import load_checkpoint, load_parameters


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "phase1.pt"
    torch.save({"average": {"weight": torch.arange(6.0).reshape(2, 3)}, "step": 7}, path)
    return path


class Trap:
    """Pickled, it asks whoever reads it to make a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.file,))


def test_what_was_saved_is_read(checkpoint: Path) -> None:
    state = load_checkpoint(checkpoint, needs=("average", "step"))
    assert state["step"] == 7
    assert torch.equal(state["average"]["weight"], torch.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_that_wants_code_is_refused_and_the_code_never_runs(tmp_path: Path, is_zip: bool) -> None:
    sprung, path = tmp_path / "sprung", tmp_path / "trap.pt"
    torch.save({"average": Trap(sprung)}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(BundleError, match=r"trap\.pt is no checkpoint: .* holds more than tensors") as refused:
        load_checkpoint(path)
    assert not sprung.exists()
    assert "weights_only" not in str(refused.value)
    # The trap is one: whoever reads it carelessly springs it.
    with path.open("rb") as file:
        if not is_zip:
            for _ in range(4):  # three headers of the format come before the object
                pickle.load(file)
            assert sprung.exists()


def test_a_file_cut_short_is_refused_wherever_it_was_cut(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    for length in (0, 1, 30, len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:length])
        with pytest.raises(BundleError, match=r"phase1\.pt is no checkpoint: it is damaged"):
            load_checkpoint(checkpoint)


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
def test_damage_anywhere_is_one_error_of_ours_or_none(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    state = {"average": {"weight": torch.zeros(30)}, "step": 1}
    originals = []
    for is_zip in (True, False):
        torch.save(state, path, _use_new_zipfile_serialization=is_zip)
        originals.append(path.read_bytes())
    chance = random.Random(0)
    num_refused = 0
    for number in range(200):
        content = bytearray(originals[number % 2])
        for _ in range(chance.randrange(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            load_checkpoint(path)
        except BundleError:
            num_refused += 1
    assert num_refused > 50


def test_what_is_missing_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.pt is not there, expected a checkpoint"):
        load_checkpoint(tmp_path / "none.pt")
    with pytest.raises(BundleError, match="is a folder, expected a checkpoint"):
        load_checkpoint(tmp_path)
    with pytest.raises(BundleError, match=re.escape("it lacks ['metrics'], expected ['step', 'metrics']")):
        load_checkpoint(checkpoint, needs=("step", "metrics"))
    torch.save([1, 2], checkpoint)
    with pytest.raises(BundleError, match="holds list, expected a checkpoint"):
        load_checkpoint(checkpoint)


def test_parameters_are_copied_from_any_float_type() -> None:
    layer = nn.Linear(3, 2)
    load_parameters(layer, {"weight": torch.full((2, 3), 0.5).half(), "bias": torch.ones(2)}, "file")
    assert torch.equal(layer.weight, torch.full((2, 3), 0.5))
    assert layer.weight.dtype == torch.float32


def test_kept_statistics_are_copied_too() -> None:
    layer = nn.BatchNorm1d(2)
    layer(torch.tensor([[1.0, 5.0], [3.0, 9.0]]))
    other = nn.BatchNorm1d(2).eval()
    load_parameters(other, layer.state_dict(), "file")
    copied, untouched = other.state_dict(), nn.BatchNorm1d(2).state_dict()
    for name, value in layer.state_dict().items():
        assert torch.equal(copied[name], value) and copied[name].dtype == value.dtype
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert not torch.equal(copied[name], untouched[name])
    with pytest.raises(BundleError, match=re.escape("it lacks ['num_batches_tracked', 'running_mean', 'running_var']")):
        load_parameters(other, dict(layer.named_parameters()), "file")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.zeros(2, 3)}, "file does not fit the model: it lacks ['bias'] and has unknown []"),
        (
            {"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "mask": torch.zeros(1)},
            "it lacks [] and has unknown ['mask']",
        ),
        ({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}, "file: weight is [2, 4], expected [2, 3]"),
    ],
)
def test_what_does_not_fit_is_named(weights: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(BundleError, match=re.escape(message)):
        load_parameters(nn.Linear(3, 2), weights, "file")
