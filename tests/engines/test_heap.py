"""Freed memory goes back to the system where the C library can do that."""

import platform
from pathlib import Path

import numpy as np
import pytest

from engines.heap import return_free_memory


def anonymous_bytes() -> int:
    """Memory of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc hands memory back when asked")
def test_what_was_freed_in_pieces_is_handed_back() -> None:
    # Too small to be mapped on their own; the last one keeps the heap from shrinking by itself.
    pieces = [np.ones(8_000, np.float32) for _ in range(3_000)]
    kept = pieces[-1]
    del pieces
    before = anonymous_bytes()
    assert return_free_memory()
    assert anonymous_bytes() < before - 50_000_000
    assert kept.sum() == 8_000
