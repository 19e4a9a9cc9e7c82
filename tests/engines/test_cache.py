"""Compiled engines are kept apart by what they were made of, and a cache that fails costs nothing but time."""

from pathlib import Path

import numpy as np
import pytest

from engines.cache import cache_folder, cache_root, cpu_name, sha256_of
from engines.registry import open_engine
from tests.engines.onnx_models import SIGNATURE, WIDTH, write_model

GIVEN = {
    "motion": np.ones((1, 2, WIDTH), np.float32),
    "echo": np.ones((1, 2, WIDTH), np.float32),
    "offset": np.zeros((1, WIDTH), np.float32),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_root_follows_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_root() == home / "float-avatar" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/somewhere")
    assert cache_root() == Path("/somewhere/.cache/float-avatar/engines")


def test_artifact_backend_and_precision_have_folders_of_their_own(home: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    folders = {
        cache_folder(artifact, backend, precision)
        for artifact in (one, other)
        for backend in ("openvino 1", "openvino 2")
        for precision in ("float32", "bfloat16")
    }
    assert len(folders) == 8
    assert all(folder is not None and folder.is_dir() and home in folder.parents for folder in folders)
    assert cache_folder(one, "openvino 1", "float32") in folders


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_cpu_has_a_name() -> None:
    assert "machine:" in cpu_name()


def test_openvino_fills_the_cache_and_opens_from_it(home: Path, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    first = open_engine("openvino", artifact, SIGNATURE).run(**GIVEN)
    blobs = [path for path in home.rglob("*") if path.is_file()]
    assert blobs
    second = open_engine("openvino", artifact, SIGNATURE).run(**GIVEN)
    np.testing.assert_array_equal(first["moved"], second["moved"])
    assert [path for path in home.rglob("*") if path.is_file()] == blobs


def test_a_damaged_cache_is_passed_over(home: Path, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    first = open_engine("openvino", artifact, SIGNATURE).run(**GIVEN)
    for path in home.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    second = open_engine("openvino", artifact, SIGNATURE).run(**GIVEN)
    np.testing.assert_array_equal(first["moved"], second["moved"])


def test_a_cache_that_can_not_be_made_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_the_way))
    artifact = write_model(tmp_path / "component.onnx")
    assert cache_folder(artifact, "openvino", "float32") is None
    assert open_engine("openvino", artifact, SIGNATURE).run(**GIVEN)["moved"].shape == (1, 2, WIDTH)
