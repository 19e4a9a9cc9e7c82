"""Backends are found by name, and what can't be is refused in words that help."""

from pathlib import Path

import pytest

from contract.errors import ConfigError, EngineNotFoundError
from engines.registry import BACKENDS, Backend, installed_backends, open_engine, resolve_backend
from tests.engines.onnx_models import SIGNATURE, write_model


def test_openvino_is_what_auto_stands_for() -> None:
    assert resolve_backend("auto") == "openvino"
    assert installed_backends() == ("openvino", "onnxruntime")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(EngineNotFoundError, match="'cuda' is unknown, expected auto, openvino, onnxruntime"):
        resolve_backend("cuda")


def test_a_backend_without_its_library_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Backend("a_library_that_is_nowhere", BACKENDS["openvino"].opener)
    monkeypatch.setitem(BACKENDS, "openvino", absent)
    assert resolve_backend("auto") == "onnxruntime"
    with pytest.raises(EngineNotFoundError, match="needs the package a_library_that_is_nowhere"):
        resolve_backend("openvino")
    monkeypatch.setitem(BACKENDS, "onnxruntime", absent)
    with pytest.raises(EngineNotFoundError, match="no engine is installed"):
        resolve_backend("auto")


def test_settings_without_meaning_are_refused(tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    with pytest.raises(ConfigError, match="precision 'float8', expected one of float32, bfloat16"):
        open_engine("auto", artifact, SIGNATURE, "float8")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="num_threads 0"):
        open_engine("auto", artifact, SIGNATURE, num_threads=0)
