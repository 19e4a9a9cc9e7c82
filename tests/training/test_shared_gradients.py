"""Two processes share one model: their gradients become the mean, and they stop together."""

from functools import partial
from pathlib import Path

import torch
from torch import nn

from training.shared_gradients import agree, average_gradients, process_rank, run_in_processes


def _work(folder: Path) -> None:
    rank = process_rank()
    layer = nn.Linear(3, 2)
    layer.weight.grad = torch.full((2, 3), float(rank + 1))
    layer.bias.grad = torch.arange(2.0) * (rank + 1)
    average_gradients(layer)
    torch.save({"weight": layer.weight.grad, "bias": layer.bias.grad, "go_on": agree(rank == 0)}, folder / f"{rank}.pt")


def test_gradients_are_averaged_over_processes(tmp_path: Path) -> None:
    run_in_processes(partial(_work, tmp_path), 2)
    for rank in range(2):
        result = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert torch.equal(result["weight"], torch.full((2, 3), 1.5))
        assert torch.equal(result["bias"], torch.tensor([0.0, 1.5]))
        assert result["go_on"] is True


def test_one_process_keeps_its_own(tmp_path: Path) -> None:
    run_in_processes(partial(_work, tmp_path), 1)
    assert torch.equal(torch.load(tmp_path / "0.pt", weights_only=True)["weight"], torch.ones(2, 3))
    assert agree(False) is False
