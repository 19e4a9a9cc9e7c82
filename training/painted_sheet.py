"""A picture of what phase 1 makes of its held-out people, for the eye."""

from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from training.painted_frames import PaintedBatch


def write_sheet(path: Path, batch: PaintedBatch, image: Tensor) -> None:
    """Write triples of source, wanted and got, two a row. image: [P * K, 3, D, D] float32 in [-1, 1]."""
    size = batch.driving.shape[-1]
    got = ((image.clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    source = F.interpolate(batch.source.float(), size=size, mode="area").byte()
    every = batch.driving.shape[0] // batch.source.shape[0]
    cells = [torch.cat([source[i // every], batch.driving[i], got[i]], -1) for i in range(batch.driving.shape[0])]
    rows = [torch.cat(cells[i : i + 2], -1) for i in range(0, len(cells), 2)]
    sheet = torch.cat(rows, -2).permute(1, 2, 0).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])
