"""Training in several processes that share one model: each takes its own batches, and gradients are averaged.

On a CPU two processes of one thread train half as fast again as one process of two threads, which mostly wait for
each other.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn


def run_in_processes(work: Callable[[], None], num_processes: int) -> None:
    """Run `work` in this process, or in several that can call `average_gradients`; `work` must be picklable."""
    if num_processes == 1:
        work()
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        spawn(_join, args=(work, num_processes, meeting), nprocs=num_processes)


def _join(rank: int, work: Callable[[], None], num_processes: int, meeting: str) -> None:
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // num_processes))
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=num_processes)
    try:
        work()
    finally:
        dist.destroy_process_group()


def process_rank() -> int:
    """Number of this process, 0 where it is the only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def average_gradients(module: nn.Module) -> None:
    """Make every process's gradients the mean of all; nothing to do where there is one process."""
    if not dist.is_initialized():
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def agree(value: bool) -> bool:
    """True where it is true in the first process: all stop together."""
    if not dist.is_initialized():
        return value
    flag = torch.tensor([int(value)])
    dist.broadcast(flag, 0)
    return bool(flag.item())
