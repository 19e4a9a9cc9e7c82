"""Chromium as a viewer: still to come."""

from pathlib import Path
from typing import NoReturn

from bench.live_server import LiveServer
from contract.packets import Int16Array


def find_chromium() -> str | None:
    """The installed browser; not looked for yet."""
    return None


def chromium_call(server: LiveServer, duration_s: float, sound: tuple[Int16Array, list[int]], folder: Path) -> NoReturn:
    """Call from a page."""
    raise NotImplementedError
