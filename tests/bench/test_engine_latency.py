"""Engines are measured in interleaved rounds, and their errors are against the plain modules."""

import math
from pathlib import Path

import numpy as np
import pytest

from bench.engine_latency import (
    PLAIN,
    EngineChoice,
    Latency,
    PlainModules,
    Subject,
    component_inputs,
    engine_choices,
    frame_ms,
    largest_error,
    measure_engines,
    psnr_db,
    rounds,
)
from bench.seeded_components import write_components
from bench.seeded_networks import SeededNetworks, embedded_networks, networks_like, plain_runs
from contract.errors import ConfigError
from tests.export.tiny_avatar import TINY
from tests.fakes import TINY_SPEC

COMPONENTS = ("portrait_encoder", "frame_decoder", "flow_transformer", "audio_encoder")
ENGINES = (EngineChoice("openvino", "float32"), EngineChoice("onnxruntime", "float32"))


@pytest.fixture(scope="module")
def networks() -> SeededNetworks:
    return embedded_networks(TINY)


@pytest.fixture(scope="module")
def latencies(networks: SeededNetworks, tmp_path_factory: pytest.TempPathFactory) -> list[Latency]:
    folder = tmp_path_factory.mktemp("components")
    inputs = component_inputs(networks.spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        subject = Subject(networks.spec, write_components(networks, folder), ENGINES, num_rounds=3, num_threads=1)
        return measure_engines(subject, inputs, PlainModules(plain_runs(networks, inputs), have_the_weights=True))


def test_every_component_is_measured_on_every_engine_and_plain(latencies: list[Latency]) -> None:
    found = [(each.component, each.engine, each.precision) for each in latencies]
    engines = [(PLAIN, "float32"), *((choice.backend, choice.precision) for choice in ENGINES)]
    assert found == [(component, *engine) for component in COMPONENTS for engine in engines]
    assert all(each.median_ms > 0 and len(each.rounds_ms) == 3 for each in latencies)


def test_ratios_are_to_the_plain_modules(latencies: list[Latency]) -> None:
    plain = {each.component: each.median_ms for each in latencies if each.engine == PLAIN}
    for each in latencies:
        assert each.times_faster == pytest.approx(plain[each.component] / each.median_ms)


def test_engines_give_the_plain_modules_numbers(latencies: list[Latency]) -> None:
    for each in latencies:
        assert each.largest_error is not None
        assert each.largest_error < (1e-3 if each.component == "frame_decoder" else 1e-4), each
        assert (each.largest_error == 0) == (each.engine == PLAIN), each
        assert (each.psnr_db is not None) == (each.component == "frame_decoder" and each.engine != PLAIN), each


def test_other_weights_are_told_by_their_error(networks: SeededNetworks, tmp_path: Path) -> None:
    """The same files beside networks of other weights: the comparison can fail."""
    inputs = component_inputs(networks.spec)
    other = embedded_networks(TINY)
    other.transformer.decoder.linear.weight.data.mul_(1.01)
    expected, found = (
        plain_runs(networks, inputs)["flow_transformer"](),
        plain_runs(other, inputs)["flow_transformer"](),
    )
    assert 1e-3 < largest_error(found, expected) < 2e-2


def test_seeds_give_the_same_networks_again(networks: SeededNetworks) -> None:
    again = embedded_networks(TINY)
    assert all(
        (a == b).all() for a, b in zip(networks.transformer.parameters(), again.transformer.parameters(), strict=True)
    )


def test_rounds_are_interleaved_and_warmed_up() -> None:
    calls: list[str] = []
    took_ms = rounds({name: lambda name=name: calls.append(name) for name in "ab"}, 3)  # type: ignore[misc]
    turns = [name for name, before in zip(calls, ["", *calls], strict=False) if name != before]
    assert turns == list("ab" * 4)  # one warm-up and three rounds
    assert {name: len(values) for name, values in took_ms.items()} == {"a": 3, "b": 3}


def test_a_bundle_of_unknown_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="image_size_px is 16, expected 256"):
        networks_like(TINY_SPEC)


def test_bfloat16_is_measured_where_the_processor_has_it() -> None:
    backends = ("openvino", "onnxruntime")
    assert list(map(str, engine_choices(backends, has_bfloat16=False))) == ["openvino float32", "onnxruntime float32"]
    assert "openvino bfloat16" in map(str, engine_choices(backends, has_bfloat16=True))


def test_errors_of_frames_are_absolute_and_of_latents_relative() -> None:
    four, five = np.full((1, 2), 4.0, np.float32), np.full((1, 2), 5.0, np.float32)
    assert largest_error({"frame": five}, {"frame": four}) == 1
    assert largest_error({"velocity": five, "unread": four}, {"velocity": four}) == 0.25


def test_psnr_is_for_values_from_minus_one_to_one() -> None:
    frame = np.zeros((1, 3, 4, 4), np.float32)
    assert psnr_db(frame, frame) is None
    assert math.isclose(psnr_db(frame + np.float32(0.02), frame) or 0, 40, abs_tol=1e-4)


def test_a_frame_is_a_picture_and_its_share_of_nine_evaluations() -> None:
    spec = embedded_networks(TINY).spec
    assert (spec.window_frames, spec.euler_points) == (30, 10)
    assert frame_ms(30, 20, spec) == 30 + 9 * 20 / 30
