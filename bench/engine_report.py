"""`float-avatar bench engines` as a call: what to measure is made or opened, measured, and told.

In:  a bundle, or a size whose components are made for the occasion
Out: `EngineReport`: a table for people, JSON for the record
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.engine_latency import (
    PLAIN,
    Latency,
    PlainModules,
    Subject,
    component_inputs,
    engine_choices,
    frame_ms,
    measure_engines,
)
from bench.machine import Machine, this_machine
from bundles.manifest import read_manifest
from contract.errors import BundleError, ConfigError
from contract.packets import FRAMES_PER_S
from contract.spec import AvatarSpec, ComponentName
from engines.registry import installed_backends, resolve_backend

SIZES = ("official", "embedded")
_NEEDED = ("torch", "onnx", "onnxscript", "transformers")
_ROOT = Path(__file__).resolve().parent.parent
_HEADINGS = ("component", "engine", "precision", "ms", "times pytorch", "largest error", "PSNR")
_NUM_SHOWN_LINES = 3


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """What is asked for.

    bundle: the bundle to measure; None makes components of `size` from seeded weights
    backends: of engines.registry; empty is all that are installed
    """

    bundle: Path | None = None
    size: str = "official"
    backends: tuple[str, ...] = ()
    num_rounds: int = 5
    num_threads: int = 2


@dataclass(frozen=True, slots=True)
class EngineReport:
    """Every figure of one run.

    subject: the bundle's folder, or the size of the seeded networks
    reference: what errors are measured against
    """

    machine: Machine
    subject: str
    spec: AvatarSpec
    reference: str
    settings: BenchSettings
    latencies: tuple[Latency, ...]

    def frame_ms(self) -> dict[str, float]:
        """Milliseconds a frame in whole guided windows, by engine and precision."""
        found: dict[str, dict[str, float]] = {}
        for each in self.latencies:
            found.setdefault(f"{each.engine} {each.precision}", {})[each.component] = each.median_ms
        return {
            name: frame_ms(medians["frame_decoder"], medians["flow_transformer"], self.spec)
            for name, medians in found.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "machine": self.machine.to_json(),
            "subject": self.subject,
            "spec": self.spec.to_json(),
            "num_threads": self.settings.num_threads,
            "num_rounds": self.settings.num_rounds,
            "errors_against": self.reference,
            "latencies": [each.to_json() for each in self.latencies],
            "frame_ms": self.frame_ms(),
            "frame_budget_ms": 1000 / FRAMES_PER_S,
        }

    def table(self) -> str:
        """All figures as text."""
        machine, window = self.machine, self.spec
        tokens = window.carried_frames + window.window_frames
        lines = [
            f"{machine.processor}, {', '.join(machine.flags)}; {machine.num_cores} cores, {machine.memory_gib} GiB",
            f"{self.subject}, {window.image_size_px} x {window.image_size_px} px; {self.settings.num_threads} threads, "
            f"median of {self.settings.num_rounds} rounds; flow: one guided evaluation of {tokens} tokens",
            "",
            *_aligned([_HEADINGS, *(_row(each) for each in self.latencies)]),
            "",
            f"A frame in whole windows, decoder + {window.euler_points - 1} x flow / {window.window_frames} "
            f"(real time is {1000 / FRAMES_PER_S:.0f} ms):",
            *(f"  {name}: {took_ms:.1f} ms" for name, took_ms in self.frame_ms().items()),
            f"Errors are against {self.reference}: of frames as they are, of all else over the largest value.",
        ]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """Write the JSON; raises ConfigError where the file can't be written."""
        try:
            path.write_text(json.dumps(self.to_json(), indent=2) + "\n", "utf-8")
        except OSError as error:
            raise ConfigError(f"{path} can't be written: {error.strerror}, expected a place for the figures") from error


def bench_engines(settings: BenchSettings, on_step: Callable[[str], None] = lambda step: None) -> EngineReport:
    """Measure every component on every engine; raises ConfigError, BundleError, EngineError.

    on_step: told what is being done
    """
    if settings.num_rounds < 1 or settings.num_threads < 1:
        raise ConfigError(
            f"{settings.num_rounds} rounds on {settings.num_threads} threads, expected at least one of each"
        )
    if settings.size not in SIZES:
        raise ConfigError(f"size {settings.size!r}, expected one of {', '.join(SIZES)}")
    backends = tuple(dict.fromkeys(map(resolve_backend, settings.backends))) or installed_backends()
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise ConfigError(
            f"the plain PyTorch modules need {', '.join(missing)}, which serving does without: "
            "install the extra `training`"
        )
    from bench.seeded_networks import NETWORKS, networks_like, plain_runs, torch_threads

    machine = this_machine()
    with ExitStack() as stack:
        if settings.bundle is None:
            files = stack.enter_context(_made_components(settings.size, on_step))
            networks = NETWORKS[settings.size]()
            spec, name = networks.spec, f"seeded networks of {settings.size} size"
        else:
            manifest = read_manifest(settings.bundle)
            files = {key: settings.bundle / component.file for key, component in manifest.components.items()}
            spec, name = manifest.spec, str(settings.bundle)
            networks = networks_like(spec)
        stack.enter_context(torch_threads(settings.num_threads))
        subject = Subject(
            spec, files, engine_choices(backends, machine.has_bfloat16), settings.num_rounds, settings.num_threads
        )
        inputs = component_inputs(spec)
        # A bundle's weights are in its files alone: the plain modules then show the time, and an engine the numbers.
        plain = PlainModules(plain_runs(networks, inputs), have_the_weights=settings.bundle is None)
        latencies = measure_engines(subject, inputs, plain, lambda component: on_step(f"measuring {component}"))
    reference = PLAIN if plain.have_the_weights else str(subject.engines[0])
    return EngineReport(machine, name, spec, reference, settings, tuple(latencies))


@contextmanager
def _made_components(size: str, on_step: Callable[[str], None]) -> Iterator[Mapping[ComponentName, Path]]:
    """Components of seeded networks in a temporary folder, which is the engines' cache as well."""
    from bench.seeded_components import component_paths

    with TemporaryDirectory(prefix="float-avatar-bench-") as name, _cache_in(Path(name)):
        folder = Path(name)
        on_step(f"exporting seeded networks of {size} size")
        command = [sys.executable, "-m", "bench.seeded_components", size, str(folder)]
        ended = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
        if ended.returncode != 0:
            said = " / ".join(ended.stderr.strip().splitlines()[-_NUM_SHOWN_LINES:])
            raise BundleError(f"the networks of {size} size can't be exported (status {ended.returncode}): {said}")
        yield component_paths(folder)


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """What is compiled for the occasion goes when it is over."""
    name = "XDG_CACHE_HOME"
    before = os.environ.get(name)
    os.environ[name] = str(folder / "cache")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _row(each: Latency) -> tuple[str, ...]:
    return (
        each.component,
        each.engine,
        each.precision,
        f"{each.median_ms:.2f}",
        f"{each.times_faster:.2f}",
        "" if each.largest_error is None else f"{each.largest_error:.1e}",
        "" if each.psnr_db is None else f"{each.psnr_db:.1f} dB",
    )


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
