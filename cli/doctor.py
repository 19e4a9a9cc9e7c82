"""`float-avatar doctor`: whether this machine and this install can serve, a line a fact.

Out: lines on standard output; exit status 1 if something that serving needs is missing.
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from contract.errors import BundleError, EngineError

SERVING_PACKAGES = ("numpy", "openvino", "onnxruntime", "av", "aiortc", "fastapi", "opencv-python-headless")
OTHER_PACKAGES = ("torch", "onnx", "skia-python", "tensorrt")
# codec: (what it is for, whether serving needs it)
CODECS = {
    "libvpx": ("VP8, the browser's picture", True),
    "libopus": ("Opus, the browser's sound", True),
    "libx264": ("H.264, MP4 files", True),
    "aac": ("AAC, sound in MP4 files", True),
}
CPU_FEATURES = {
    "avx2": ("avx2",),
    "avx512": ("avx512f", "avx512bw", "avx512vl"),
    "bfloat16": ("avx512_bf16",),
    "amx bfloat16": ("amx_tile", "amx_bf16"),
}


@dataclass(frozen=True)
class Finding:
    """One fact. `state` is "ok", "absent" (possible without it) or "wrong" (serving needs it)."""

    topic: str
    text: str
    state: str = "ok"


def doctor(
    bundle: Annotated[Path | None, typer.Option(help="A bundle to check; without it the one that ships.")] = None,
) -> None:
    """Show what this machine and this install have, and whether they can serve."""
    is_fit = True
    for finding in examine(bundle):
        typer.echo(f"{finding.state:7} {finding.topic:10} {finding.text}")
        is_fit = is_fit and finding.state != "wrong"
    typer.echo("Ready to serve." if is_fit else "Not ready: see the lines marked wrong.")
    if not is_fit:
        raise typer.Exit(1)


def examine(bundle: Path | None) -> Iterator[Finding]:
    """Every finding, in the order shown."""
    fits = (3, 11) <= sys.version_info < (3, 15)
    yield Finding("python", f"{platform.python_version()}, expected 3.11 to 3.14", "ok" if fits else "wrong")
    yield Finding("machine", f"{platform.system()} {platform.machine()}, {num_usable_cores()} cores usable")
    yield Finding("cpu", cpu_text(cpu_flags()))
    yield from (package(name, "wrong") for name in SERVING_PACKAGES)
    yield from (package(name, "absent") for name in OTHER_PACKAGES)
    yield from guarded("engine", "openvino", openvino_devices)
    yield from guarded("engine", "onnxruntime", onnxruntime_providers)
    yield from guarded("engine", "chosen", chosen_engine)
    yield from codecs()
    yield from examine_bundle(bundle)


def num_usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Names of the instruction sets, as Linux lists them; empty where it can't be known."""
    if not cpuinfo.exists():
        return frozenset()
    lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    flags = next((line for line in lines if line.split(":")[0].strip() in ("flags", "Features")), ":")
    return frozenset(flags.partition(":")[2].split())


def cpu_text(flags: frozenset[str]) -> str:
    """The features that decide speed, each with yes or no."""
    if not flags:
        return "instruction sets unknown on this system"
    return ", ".join(f"{name} {'yes' if flags.issuperset(need) else 'no'}" for name, need in CPU_FEATURES.items())


def package(name: str, state_if_missing: str) -> Finding:
    """The installed version of a package."""
    try:
        return Finding("package", f"{name} {version(name)}")
    except PackageNotFoundError:
        return Finding("package", f"{name} is not installed", state_if_missing)


def guarded(topic: str, name: str, examine_it: Callable[[], str]) -> Iterator[Finding]:
    """What `examine_it` says, or the reason why its library does not load or answer."""
    try:
        yield Finding(topic, f"{name}: {examine_it()}")
    except (ImportError, OSError, RuntimeError, EngineError) as error:
        yield Finding(topic, f"{name}: {type(error).__name__}: {error}", "wrong")


def openvino_devices() -> str:
    """Devices that OpenVINO finds, with their names."""
    import openvino

    core = openvino.Core()
    return ", ".join(f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})" for device in core.available_devices)


def onnxruntime_providers() -> str:
    """Execution providers that ONNX Runtime finds."""
    import onnxruntime

    return ", ".join(onnxruntime.get_available_providers())


def chosen_engine() -> str:
    """The backend that serving takes unasked, and which of the short numbers it multiplies."""
    from engines.registry import resolve_backend, takes_bfloat16, takes_int8

    backend = resolve_backend("auto")
    forms = {"bfloat16": takes_bfloat16(backend), "8 bits": takes_int8(backend)}
    told = (
        f"{form} {'where a bundle bears it' if pays else 'left out: no faster here'}" for form, pays in forms.items()
    )
    return ", ".join((backend, *told))


def codecs() -> Iterator[Finding]:
    """Encoders that PyAV's FFmpeg holds."""
    try:
        from av.codec import Codec, codecs_available
    except (ImportError, OSError) as error:
        yield Finding("codec", f"PyAV does not load: {error}", "wrong")
        return
    for name, (use, is_needed) in CODECS.items():
        if name in codecs_available:
            yield Finding("codec", f"{name} ({use}): {Codec(name, 'w').long_name}")
        else:
            yield Finding("codec", f"{name} ({use}) is not in PyAV's FFmpeg", "wrong" if is_needed else "absent")


def examine_bundle(bundle: Path | None) -> Iterator[Finding]:
    """The bundle's manifest, its components by their sums, and its portraits."""
    from bundles import embedded_bundle
    from bundles.manifest import read_manifest

    try:
        folder = bundle or embedded_bundle()
        manifest = read_manifest(folder)
    except BundleError as error:
        yield Finding("bundle", str(error), "wrong")
        return
    side = manifest.spec.image_size_px
    yield Finding("bundle", f"{manifest.name} in {folder}: {side} x {side} pixels, licence {manifest.licence}")
    for name, component in manifest.components.items():
        yield Finding("bundle", f"{name}: {component.file}, lowest precision {component.precision}")
    yield Finding("bundle", f"portraits: {', '.join(manifest.portraits)} (first shown: {manifest.default_portrait})")
