"""One set of tests over every backend: what an engine promises, whichever library runs it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from contract.errors import ConfigError, EngineBuildError, EngineRunError, SignatureMismatchError
from contract.spec import EngineSignature, TensorSpec
from engines.base import Engine
from engines.registry import BACKENDS, open_engine
from tests.engines.onnx_models import (
    ATTENTION,
    SIGNATURE,
    WIDTH,
    expected_attention,
    expected_outputs,
    write_attention,
    write_model,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return str(request.param)


@pytest.fixture
def engine(backend: str, tmp_path: Path) -> Engine:
    return open_engine(backend, write_model(tmp_path / "component.onnx"), SIGNATURE, num_threads=1)


def inputs(batch: int = 1, time: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "motion": rng.standard_normal((batch, time, WIDTH)).astype(np.float32),
        "echo": rng.standard_normal((batch, time, WIDTH)).astype(np.float32),
        "offset": rng.standard_normal((batch, WIDTH)).astype(np.float32),
    }


def moving(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All inputs but the one that the tests bind."""
    return {name: array for name, array in given.items() if name != "offset"}


def assert_right(outputs: dict[str, np.ndarray], given: dict[str, np.ndarray]) -> None:
    expected = expected_outputs(**given)
    assert outputs.keys() == expected.keys()
    for name, array in expected.items():
        assert outputs[name].dtype == np.float32
        np.testing.assert_allclose(outputs[name], array, rtol=1e-5, atol=1e-5)


def test_what_was_run_before_leaves_no_trace(backend: str, tmp_path: Path) -> None:
    """OpenVINO took a kernel it had made for one row where there were more, and attention stayed wrong for ever."""
    engine = open_engine(backend, write_attention(tmp_path / "attention.onnx"), ATTENTION, num_threads=1)
    for time in (1, 60, 2, 1, 13):
        x = np.random.default_rng(time).standard_normal((1, time, 32)).astype(np.float32)
        y = np.asarray(engine.run(x=x)["y"], np.float64)
        np.testing.assert_allclose(y, expected_attention(x), rtol=1e-4, atol=1e-5)
    engine.close()


@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 9), (3, 5)])
def test_it_computes_what_the_artifact_says_for_any_batch_and_length(engine: Engine, batch: int, time: int) -> None:
    given = inputs(batch, time)
    assert_right(engine.run(**given), given)


def test_it_opens_with_axes_fixed_that_the_artifact_leaves_free(backend: str, tmp_path: Path) -> None:
    fixed = EngineSignature(
        inputs=(
            TensorSpec("motion", (1, 3, WIDTH)),
            TensorSpec("echo", (1, 3, WIDTH)),
            TensorSpec("offset", (1, WIDTH)),
        ),
        outputs=(TensorSpec("moved", (1, 3, WIDTH)), TensorSpec("total", (1, WIDTH))),
    )
    engine = open_engine(backend, write_model(tmp_path / "component.onnx"), fixed)
    given = inputs()
    assert_right(engine.run(**given), given)
    with pytest.raises(SignatureMismatchError, match=r"motion has shape \[2, 3, 4\], expected \[1, 3, 4\]"):
        engine.run(**inputs(batch=2))


def test_outputs_belong_to_the_caller(engine: Engine) -> None:
    first = engine.run(**inputs(seed=1))
    kept = {name: array.copy() for name, array in first.items()}
    second = engine.run(**inputs(seed=2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[name])
        assert not np.shares_memory(array, second[name])
        assert array.flags.writeable


def test_arrays_need_not_be_contiguous(engine: Engine) -> None:
    given = inputs(2, 6)
    strided = {
        "motion": given["motion"][::2, ::3],
        "echo": given["echo"][::2, ::3],
        "offset": given["offset"][:1],
    }
    assert_right(engine.run(**strided), strided)


def test_bound_inputs_are_kept_and_need_not_be_given(engine: Engine) -> None:
    given = inputs()
    bound = engine.bind(offset=given["offset"])
    assert [tensor.name for tensor in bound.signature.inputs] == ["motion", "echo"]
    assert_right(bound.run(**moving(given)), given)
    assert_right(bound.run(**moving(given)), given)
    longer = moving(inputs(1, 11))
    assert_right(bound.run(**longer), {**longer, "offset": given["offset"]})


def test_a_bound_engine_copies_what_it_keeps(engine: Engine) -> None:
    given = inputs()
    offset = given["offset"].copy()
    bound = engine.bind(offset=offset)
    offset[:] = 99
    assert_right(bound.run(**moving(given)), given)


def test_binding_leaves_the_engine_and_other_bindings_as_they_were(engine: Engine) -> None:
    one, other = inputs(seed=1), inputs(seed=2)
    bound_one, bound_other = engine.bind(offset=one["offset"]), engine.bind(offset=other["offset"])
    assert_right(bound_one.run(**moving(one)), one)
    assert_right(bound_other.run(**moving(other)), other)
    assert_right(engine.run(**other), other)
    assert_right(bound_one.run(**moving(one)), one)


def test_what_is_bound_can_be_bound_further(engine: Engine) -> None:
    given = inputs()
    everything = engine.bind(offset=given["offset"]).bind(**moving(given))
    assert_right(everything.run(), given)


@pytest.mark.parametrize("share_one", [True, False], ids=["one engine", "bound engines"])
def test_it_runs_from_several_threads(engine: Engine, share_one: bool) -> None:
    def run(seed: int) -> None:
        given = inputs(seed=seed)
        runner = engine if share_one else engine.bind()
        for _ in range(20):
            assert_right(runner.run(**given), given)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(8)))


@pytest.mark.parametrize("runs_at_once", [1, 2])
def test_runs_that_are_begun_end_with_their_own_outputs(backend: str, tmp_path: Path, runs_at_once: int) -> None:
    engine = open_engine(
        backend, write_model(tmp_path / "component.onnx"), SIGNATURE, num_threads=2, runs_at_once=runs_at_once
    )
    assert engine.runs_at_once == (runs_at_once if backend == "openvino" else 1)
    given = [inputs(time=3 + seed, seed=seed) for seed in range(5)]
    bound = engine.bind(offset=given[0]["offset"])
    for runner in (engine, bound):
        expected = given if runner is engine else [{**each, "offset": given[0]["offset"]} for each in given]
        # More than may be under way, waited for in another order, and some again.
        asked = [runner.begin(**(each if runner is engine else moving(each))) for each in given]
        for index in (4, 0, 3, 1, 2, 0):
            assert_right(asked[index].outputs(), expected[index])
        assert asked[0].outputs() is asked[0].outputs()


@pytest.mark.parametrize("runs_at_once", [1, 2])
def test_runs_need_not_be_waited_for(backend: str, tmp_path: Path, runs_at_once: int) -> None:
    engine = open_engine(
        backend, write_model(tmp_path / "component.onnx"), SIGNATURE, num_threads=2, runs_at_once=runs_at_once
    )
    for seed in range(7):
        engine.begin(**inputs(seed=seed))
    last = engine.begin(**inputs(seed=8))
    assert_right(engine.run(**inputs(seed=9)), inputs(seed=9))
    engine.close()
    assert_right(last.outputs(), inputs(seed=8))
    with pytest.raises(EngineRunError, match="closed"):
        engine.begin(**inputs())


@pytest.mark.parametrize("runs_at_once", [1, 2])
def test_a_begun_run_that_fails_says_so_when_asked_and_spoils_no_other(
    backend: str, tmp_path: Path, runs_at_once: int
) -> None:
    engine = open_engine(
        backend, write_model(tmp_path / "component.onnx"), SIGNATURE, num_threads=2, runs_at_once=runs_at_once
    )
    wrong = {**inputs(), "echo": inputs(1, 7)["echo"]}
    if engine.runs_at_once == 1:
        with pytest.raises(EngineRunError, match=r"'echo': \[1, 7, 4\]"):
            engine.begin(**wrong)
    else:
        run = engine.begin(**wrong)
        for _ in range(2):
            with pytest.raises(EngineRunError, match=r"'echo': \[1, 7, 4\]"):
                run.outputs()
    for seed in range(3):
        assert_right(engine.begin(**inputs(seed=seed)).outputs(), inputs(seed=seed))
    with pytest.raises(SignatureMismatchError, match=r"\['offset'\] are missing"):
        engine.begin(**moving(inputs()))


def test_more_runs_at_once_than_threads_are_refused(backend: str, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    with pytest.raises(ConfigError, match="runs_at_once 2, expected at least 1 and at most the 1 threads"):
        open_engine(backend, artifact, SIGNATURE, num_threads=1, runs_at_once=2)
    with pytest.raises(ConfigError, match="runs_at_once 0, expected at least 1"):
        open_engine(backend, artifact, SIGNATURE, runs_at_once=0)


def test_inputs_that_do_not_fit_are_named(engine: Engine) -> None:
    given = inputs()
    with pytest.raises(SignatureMismatchError, match=r"\['offset'\] are missing"):
        engine.run(**moving(given))
    with pytest.raises(SignatureMismatchError, match=r"\['offzet'\] are unknown, expected \['echo', 'm"):
        engine.run(**given, offzet=given["offset"])
    with pytest.raises(SignatureMismatchError, match="input offset is float64, expected float32"):
        engine.run(**moving(given), offset=given["offset"].astype(np.float64))
    with pytest.raises(SignatureMismatchError, match=r"input motion has shape \[1, 3, 2\], expected \[\*, \*, 4\]"):
        engine.run(**{**given, "motion": given["motion"][..., :2]})
    with pytest.raises(SignatureMismatchError, match=r"\['offzet'\] are unknown"):
        engine.bind(offzet=given["offset"])
    with pytest.raises(SignatureMismatchError, match=r"\['offset'\] are unknown, expected \['echo', 'motion'\]"):
        engine.bind(offset=given["offset"]).run(**given)


def test_batches_that_differ_are_refused_bound_or_given(engine: Engine) -> None:
    with pytest.raises(SignatureMismatchError, match="'motion': 2, 'echo': 2, 'offset': 3}, expected one size"):
        engine.run(**moving(inputs(2)), offset=inputs(3)["offset"])
    with pytest.raises(SignatureMismatchError, match="'offset': 3, 'motion': 2, 'echo': 2}, expected one size"):
        engine.bind(offset=inputs(3)["offset"]).run(**moving(inputs(2)))


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_failure_of_the_library_is_translated(backend: str, tmp_path: Path, num_threads: int) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    engine = open_engine(backend, artifact, SIGNATURE, num_threads=num_threads)
    with pytest.raises(EngineRunError, match=r"'motion': \[1, 3, 4\], 'echo': \[1, 7, 4\]"):
        engine.run(**{**inputs(), "echo": inputs(1, 7)["echo"]})
    assert_right(engine.run(**inputs()), inputs())


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (EngineSignature(SIGNATURE.inputs[:2], SIGNATURE.outputs), "input offset is not expected"),
        (
            EngineSignature((*SIGNATURE.inputs, TensorSpec("time", (None,))), SIGNATURE.outputs),
            "input time is missing",
        ),
        (EngineSignature(SIGNATURE.inputs, SIGNATURE.outputs[:1]), "output total is not expected"),
        (
            EngineSignature(SIGNATURE.inputs, (SIGNATURE.outputs[0], TensorSpec("sum", (None, WIDTH)))),
            "output sum is missing; output total is not expected",
        ),
        (
            EngineSignature((TensorSpec("motion", (None, None, 5)), *SIGNATURE.inputs[1:]), SIGNATURE.outputs),
            r"component\.onnx .* input motion has shape \[\*, \*, 4\], expected \[\*, \*, 5\]",
        ),
        (
            EngineSignature((TensorSpec("motion", (None, WIDTH)), *SIGNATURE.inputs[1:]), SIGNATURE.outputs),
            r"input motion has shape \[\*, \*, 4\], expected \[\*, 4\]",
        ),
        (
            EngineSignature((*SIGNATURE.inputs[:2], TensorSpec("offset", (None, WIDTH), "int64")), SIGNATURE.outputs),
            "input offset is float32, expected int64",
        ),
    ],
)
def test_an_artifact_of_another_signature_is_refused(
    backend: str, tmp_path: Path, expected: EngineSignature, message: str
) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    with pytest.raises(SignatureMismatchError, match=message):
        open_engine(backend, artifact, expected)


def test_an_artifact_of_another_type_is_refused(backend: str, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx", element=TensorProto.DOUBLE)
    with pytest.raises(SignatureMismatchError, match="output moved is float64, expected float32"):
        open_engine(backend, artifact, SIGNATURE)


@pytest.mark.parametrize("content", [b"", b"this is no model", b"\x08\x09\x12" + bytes(200)])
def test_a_damaged_artifact_is_an_error_that_names_it(backend: str, tmp_path: Path, content: bytes) -> None:
    artifact = tmp_path / "broken.onnx"
    artifact.write_bytes(content)
    with pytest.raises((EngineBuildError, SignatureMismatchError), match=r"broken\.onnx"):
        open_engine(backend, artifact, SIGNATURE)


def test_a_missing_artifact_is_an_error_that_names_it(backend: str, tmp_path: Path) -> None:
    with pytest.raises(EngineBuildError, match=r"nothing\.onnx is no file"):
        open_engine(backend, tmp_path / "nothing.onnx", SIGNATURE)


def test_a_closed_engine_does_not_run(engine: Engine) -> None:
    bound = engine.bind(offset=inputs()["offset"])
    engine.close()
    engine.close()
    with pytest.raises(EngineRunError, match="closed"):
        engine.run(**inputs())
    with pytest.raises(EngineRunError, match="closed"):
        engine.bind(offset=inputs()["offset"])
    assert_right(bound.run(**moving(inputs())), inputs())
    bound.close()
    with pytest.raises(EngineRunError, match="closed"):
        bound.run(**moving(inputs()))


def test_bfloat16_is_close_to_float32_or_equal_where_the_machine_lacks_it(backend: str, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    given = inputs(1, 30)
    outputs = open_engine(backend, artifact, SIGNATURE, "bfloat16").run(**given)
    expected = expected_outputs(**given)["moved"]
    assert outputs["moved"].dtype == np.float32
    assert np.abs(outputs["moved"] - expected).max() <= 0.02 * np.abs(expected).max()


def test_engines_open_from_several_threads(backend: str, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    # In a process of its own: what goes wrong here does so at the first use of a library.
    program = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from engines.registry import open_engine
from tests.engines.onnx_models import SIGNATURE
with ThreadPoolExecutor(8) as pool:
    engines = list(pool.map(lambda _: open_engine({backend!r}, Path({str(artifact)!r}), SIGNATURE), range(8)))
assert len(engines) == 8
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


def test_an_engine_reports_to_nobody(backend: str, tmp_path: Path) -> None:
    artifact = write_model(tmp_path / "component.onnx")
    program = f"""
import sys, threading
from pathlib import Path
from engines.registry import open_engine
from tests.engines.onnx_models import SIGNATURE
open_engine({backend!r}, Path({str(artifact)!r}), SIGNATURE)
assert [thread.name for thread in threading.enumerate()] == ["MainThread"], threading.enumerate()
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT, env=environment)
    assert list(home.iterdir()) == []
