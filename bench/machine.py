"""The machine, the install and the commit: what stands beside every figure."""

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("numpy", "torch", "openvino", "onnxruntime", "tensorrt", "onnx", "transformers")
# What decides the speed of matrix products.
_FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where figures were measured.

    flags: instruction sets that decide the speed, those that the processor has
    num_cores: that this process may use
    packages: versions of those that are installed
    commit: of the checkout, with "-dirty" where files differ from it; empty outside a checkout
    """

    processor: str
    flags: tuple[str, ...]
    num_cores: int
    memory_gib: float
    system: str
    python: str
    packages: dict[str, str]
    commit: str

    @property
    def has_bfloat16(self) -> bool:
        """True where the processor multiplies bfloat16 itself."""
        return "avx512_bf16" in self.flags or "amx_bf16" in self.flags

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def this_machine(cpuinfo: Path = Path("/proc/cpuinfo"), meminfo: Path = Path("/proc/meminfo")) -> Machine:
    """The machine this runs on, as far as the system tells."""
    cpu = _fields(cpuinfo)
    flags = cpu.get("flags", cpu.get("Features", "")).split()
    memory_kib = _fields(meminfo).get("MemTotal", "0 kB").split()[0]
    return Machine(
        processor=cpu.get("model name", platform.processor() or platform.machine()),
        flags=tuple(flag for flag in _FLAGS if flag in flags),
        num_cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=round(int(memory_kib) / 2**20, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        packages=dict(_installed(_PACKAGES)),
        commit=_commit(),
    )


def _fields(path: Path) -> dict[str, str]:
    """The first value of each `name: value` line."""
    fields: dict[str, str] = {}
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return fields
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _installed(names: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for name in names:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
