"""Who may import whom: the folders of docs/architecture.md as a table, held by reading every file's imports.

Arrows only go down. A violation is reported as `file:line: what is imported, and what this folder may import`.
"""

import ast
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLOCKS_AND_THREADS = frozenset(
    {"asyncio", "concurrent", "datetime", "multiprocessing", "queue", "sched", "signal", "socket", "threading", "time"}
)


@dataclass(frozen=True)
class Floor:
    """What the files of one folder may import, at any depth of the file unless said otherwise.

    ours: our packages, or single modules of them ("engines.base"); a folder may always import itself
    outside: third-party packages; None lets any in
    in_file: file name -> more of either kind, for that file alone
    banned: what may not appear at all, the standard library included
    anything_deferred: inside a function anything may be imported (the command line's rule)
    """

    ours: frozenset[str] = frozenset()
    outside: frozenset[str] | None = frozenset()
    in_file: dict[str, frozenset[str]] = field(default_factory=dict)
    banned: frozenset[str] = frozenset()
    anything_deferred: bool = False


def names(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


FLOORS = {
    "contract": Floor(outside=names("numpy")),
    "bundles": Floor(ours=names("contract"), outside=names("numpy")),
    "media": Floor(ours=names("contract"), outside=names("av numpy")),
    "engines": Floor(
        ours=names("contract"),
        outside=names("numpy"),
        in_file={
            "openvino_engine.py": names("openvino"),
            "openvino_folding.py": names("openvino"),
            "openvino_int8.py": names("openvino"),
            "openvino_precision.py": names("openvino"),
            "openvino_sampling.py": names("openvino"),
            "openvino_winograd.py": names("openvino"),
            "onnx_engine.py": names("onnxruntime"),
            "tensorrt_engine.py": names("tensorrt cuda"),
            "torch_engine.py": names("torch"),
        },
    ),
    "models": Floor(
        ours=names("contract"),
        outside=names("torch numpy"),
        in_file={"audio_encoder.py": names("transformers"), "emotion_classifier.py": names("transformers")},
    ),
    "training": Floor(
        ours=names("contract models"),
        outside=names("torch numpy skia cv2 tqdm"),
        banned=names("engines server"),
    ),
    "export": Floor(
        ours=names("contract models engines bundles"),
        outside=names("torch onnx onnxscript transformers safetensors numpy"),
        in_file={"wav2vec2_folder.py": names("huggingface_hub")},
        banned=names("pipeline server training"),
    ),
    "pipeline": Floor(
        ours=names("contract engines.base"),
        outside=names("numpy"),
        in_file={
            "voice_activity.py": names("webrtcvad"),
            "frame_renderer.py": names("cv2"),
            "portrait.py": names("cv2"),
            "portrait_cut.py": names("cv2"),
            "cascade_detector.py": names("cv2"),
            "yunet_detector.py": names("cv2"),
        },
        banned=CLOCKS_AND_THREADS | names("torch"),
    ),
    "assembly": Floor(
        ours=names("contract engines pipeline bundles"), outside=names("numpy"), banned=names("torch server")
    ),
    "evaluation": Floor(
        ours=names(
            "contract pipeline assembly media engines.base "
            "training.motion_names training.painter training.painter_landmarks training.speech"
        ),
        outside=None,
        banned=names("server"),
    ),
    "bench": Floor(
        ours=names("contract engines pipeline assembly"),
        outside=names("numpy aiortc av httpx matplotlib playwright psutil tqdm"),
        in_file={
            "audio_drift.py": names("bundles media"),
            "engine_report.py": names("bundles"),
            "influence_report.py": names("bundles media"),
            "spoken_sound.py": names("media"),
            "seeded_components.py": names("models export"),
            "seeded_networks.py": names("models export torch transformers"),
        },
        banned=names("server"),
    ),
    "server": Floor(
        ours=names("contract pipeline assembly media"),
        outside=names(
            "fastapi starlette uvicorn aiortc aioice av numpy pydantic pydantic_settings prometheus_client websockets"
        ),
        banned=names("torch models export training"),
    ),
    "cli": Floor(ours=names("contract"), outside=names("typer tqdm"), anything_deferred=True),
    "web": Floor(),
}
SERVED = ("contract", "bundles", "media", "engines", "pipeline", "assembly", "server", "cli")
EMPTY_WORDS = names("utils util helpers helper common misc manager handler processor wrapper data info")


@dataclass(frozen=True)
class Import:
    """One imported name: `module` for `import module`, the module and the name taken for `from module import name`."""

    line: int
    module: str
    name: str | None
    deferred: bool

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    def is_within(self, allowed: frozenset[str]) -> bool:
        """True if one of `allowed` is this module, a package around it, or the submodule taken from it."""
        spellings = [self.module] if self.name is None else [self.module, f"{self.module}.{self.name}"]
        return any(spelling == a or spelling.startswith(a + ".") for spelling in spellings for a in allowed)

    def __str__(self) -> str:
        return f"import {self.module}" if self.name is None else f"from {self.module} import {self.name}"


def imports_of(tree: ast.AST, package: str, deferred: bool = False) -> Iterator[Import]:
    """Every import below `tree`: both statements, relative ones resolved, and `import_module("literal")`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, None, deferred)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                module = ".".join([*parents, module]).strip(".")
            for alias in node.names:
                yield Import(node.lineno, module, alias.name, deferred)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield Import(node.lineno, node.args[0].value, None, deferred)
        inside_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from imports_of(node, package, deferred or inside_function)


def violations(path: str, source: str) -> list[str]:
    """Imports in `source`, to be judged as the file `path` (relative to the checkout), that its folder may not have."""
    folder = path.split("/")[0]
    floor = FLOORS[folder]
    more = floor.in_file.get(path.split("/")[-1], frozenset())
    found = []
    for each in imports_of(ast.parse(source, path), package=".".join(path.split("/")[:-1])):
        if each.is_within(floor.banned - more):
            found.append(f"{path}:{each.line}: `{each}`: {folder}/ must never import it")
        elif each.package in FLOORS or each.package == "tests":
            allowed = floor.ours | more | {folder}
            if not each.is_within(allowed) and not (floor.anything_deferred and each.deferred):
                found.append(f"{path}:{each.line}: `{each}`: of ours, {folder}/ may import {sorted(allowed)}")
        elif each.package not in sys.stdlib_module_names and floor.outside is not None:
            allowed = floor.outside | more
            if not each.is_within(allowed) and not (floor.anything_deferred and each.deferred):
                found.append(f"{path}:{each.line}: `{each}`: from outside, {folder}/ may import {sorted(allowed)}")
    return found


def python_files() -> list[Path]:
    """Our own files, tests aside."""
    return [file for folder in FLOORS for file in sorted((ROOT / folder).rglob("*.py"))]


def test_imports_only_go_down() -> None:
    files = python_files()
    assert files
    found = [v for file in files for v in violations(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))]
    assert not found, "\n" + "\n".join(found)


def test_every_package_stands_in_the_table_and_in_pyproject() -> None:
    elsewhere = {"tests", "docs", "requirements", "build", "dist", "runs"}
    folders = {p.parent.name for p in ROOT.glob("*/*.py") if not p.parent.name.startswith(".")} - elsewhere
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert folders <= set(FLOORS), f"not in the table: {sorted(folders - set(FLOORS))}"
    included = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.partition(".")[0] for pattern in included} == set(FLOORS)


def test_no_file_has_an_empty_name() -> None:
    found = [f.relative_to(ROOT).as_posix() for f in python_files() if EMPTY_WORDS & set(f.stem.split("_"))]
    assert not found, f"name a file after the thing it makes or is: {found}"


@pytest.mark.parametrize(
    ("path", "source", "line"),
    [
        ("contract/packets.py", "import numpy\nimport torch\n", 2),
        ("contract/packets.py", "from engines import base\n", 1),
        ("contract/packets.py", "from ..engines import base\n", 1),
        ("pipeline/avatar.py", "from engines.openvino_engine import OpenVinoEngine\n", 1),
        ("pipeline/avatar.py", "from engines import openvino_engine\n", 1),
        ("pipeline/avatar.py", "def start():\n    import threading\n", 2),
        ("pipeline/avatar.py", "from time import monotonic\n", 1),
        ("pipeline/motion_sampler.py", "import cv2\n", 1),
        ("engines/onnx_engine.py", "import openvino\n", 1),
        ("engines/base.py", "import models.layers\n", 1),
        ("models/flow_transformer.py", "from transformers import Wav2Vec2Model\n", 1),
        ("server/session.py", "import importlib\n\nmodel = importlib.import_module('torch.nn')\n", 3),
        ("server/session.py", "if True:\n    from export import to_onnx\n", 2),
        ("server/app.py", "import bundles\n", 1),
        ("export/to_onnx.py", "import pipeline\n", 1),
        ("training/clips.py", "import engines.base\n", 1),
        ("evaluation/motion.py", "from training import phase1_autoencoder\n", 1),
        ("evaluation/motion.py", "import server.app\n", 1),
        ("assembly/avatar_factory.py", "import bench\n", 1),
        ("bench/avatar_throughput.py", "import torch\n", 1),
        ("cli/serve.py", "from server.app import create_app\n", 1),
        ("cli/serve.py", "import torch\n", 1),
        ("media/mp4_file.py", "from tests.fakes import FakeEngine\n", 1),
    ],
)
def test_a_violation_is_found_with_its_file_and_line(path: str, source: str, line: int) -> None:
    found = violations(path, source)
    assert len(found) == 1 and found[0].startswith(f"{path}:{line}: "), found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("contract/spec.py", "import json\nfrom dataclasses import dataclass\nimport numpy as np\n"),
        ("contract/spec.py", "from .errors import BundleError\nfrom . import packets\nfrom contract import packets\n"),
        (
            "pipeline/avatar.py",
            "from engines.base import Engine\nfrom engines import base\nimport pipeline.conditions\n",
        ),
        ("pipeline/voice_activity.py", "import webrtcvad\n"),
        ("engines/openvino_engine.py", "def load():\n    import openvino as ov\n"),
        ("evaluation/motion.py", "from training.painter import paint\nimport matplotlib.pyplot as plt\n"),
        ("bench/seeded_networks.py", "def baseline():\n    import torch\n    from models import layers\n"),
        ("cli/serve.py", "import typer\n\ndef serve():\n    import uvicorn\n    from server.app import create_app\n"),
    ],
)
def test_what_the_table_allows_passes(path: str, source: str) -> None:
    assert violations(path, source) == []


def test_the_served_floors_import_without_torch() -> None:
    modules = [
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for f in python_files()
        if f.relative_to(ROOT).parts[0] in SERVED and f.name not in ("torch_engine.py", "tensorrt_engine.py")
    ]
    program = textwrap.dedent(
        f"""
        import importlib, sys
        for name in ("torch", "transformers", "onnx", "onnxscript", "skia", "models", "export", "training"):
            sys.modules[name] = None
        for module in {modules!r}:
            importlib.import_module(module)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
