"""Memory that was freed, and that the C library keeps."""

import ctypes
import sys


def return_free_memory() -> bool:
    """Hand freed memory back to the system; returns whether any was, False too where the C library has no such call.

    glibc keeps what compiling a network frees, in small pieces and for the thread that freed it: 0.8 GiB with FLOAT's.
    """
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1
