"""Where a checkpoint comes from: kept with it, and shown in the bundle's manifest."""

import platform
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

_ROOT = Path(__file__).resolve().parent.parent


def provenance(config: Any) -> dict[str, Any]:
    """Commit of the code (empty outside a checkout), torch's version, processor, and the run's configuration."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        commit = done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = ""
    return {
        "commit": commit,
        "torch": str(torch.__version__),
        "machine": platform.machine(),
        "config": asdict(config),
    }
