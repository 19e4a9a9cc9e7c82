"""A bundle becomes an avatar that speaks, with either engine, and a bad one is refused before anything runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assembly.avatar_factory import open_avatar
from bundles.manifest import BundledFile, Component, read_manifest, sha256_of, write_manifest
from contract.errors import (
    BundleError,
    ConfigError,
    EngineBuildError,
    EngineNotFoundError,
    EngineRunError,
    SignatureMismatchError,
)
from contract.packets import AvatarFrame
from contract.spec import EngineSignature
from engines.base import Engine, Precision
from engines.registry import BACKENDS, Backend, takes_bfloat16, takes_int8
from pipeline.avatar import Avatar, StreamSettings
from tests.bundles.tiny_bundle import SPEC, write_component, write_tiny_bundle
from tests.fakes import noise_chunks

PICTURE = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny")


def speak(avatar: Avatar, num_frames: int = 20, settings: StreamSettings | None = None) -> list[AvatarFrame]:
    stream = avatar.start(avatar.prepare(PICTURE, crop=False), settings or StreamSettings())
    frames = [frame for chunk in noise_chunks(num_frames) for frame in stream.push(chunk)]
    return frames + list(stream.flush())


@pytest.mark.parametrize("engine", [*BACKENDS, "auto"])
@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16"])
def test_an_opened_avatar_speaks(bundle: Path, engine: str, precision: str) -> None:
    avatar = open_avatar(bundle, engine, precision, num_threads=1)
    assert avatar.spec == SPEC
    frames = speak(avatar)
    assert [frame.index for frame in frames] == list(range(20))
    assert all(frame.image.shape == (32, 32, 3) and frame.image.dtype == np.uint8 for frame in frames)
    assert (frames[3].image != frames[15].image).any()
    avatar.close()


def test_both_engines_paint_the_same_pictures(bundle: Path) -> None:
    one, other = (speak(open_avatar(bundle, engine)) for engine in BACKENDS)
    for a, b in zip(one, other, strict=True):
        assert np.abs(a.image.astype(int) - b.image).max() <= 1


@pytest.mark.parametrize(("hop", "lookahead"), [(1, 0), (20, 0), (4, 8)])
def test_windows_of_any_size_run(bundle: Path, hop: int, lookahead: int) -> None:
    settings = StreamSettings(hop, lookahead)
    assert len(speak(open_avatar(bundle, settings=settings), 30, settings)) == 30


def test_one_avatar_takes_streams_of_different_windows(bundle: Path) -> None:
    avatar = open_avatar(bundle)
    assert len(speak(avatar, 30, StreamSettings(1, 0))) == 30
    assert len(speak(avatar, 30, StreamSettings(10, 5))) == 30


def test_choices_without_meaning_are_refused(bundle: Path) -> None:
    with pytest.raises(ConfigError, match="precision 'int4', expected one of auto, float32, bfloat16, int8"):
        open_avatar(bundle, precision="int4")
    with pytest.raises(EngineNotFoundError, match="'abacus' is unknown"):
        open_avatar(bundle, engine="abacus")
    with pytest.raises(ConfigError, match="make 30 frames, expected at most the 20"):
        open_avatar(bundle, settings=StreamSettings(30, 0))


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        open_avatar(tmp_path / "nowhere")


def test_components_in_each_others_place_are_refused(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    write_component(bundle / "frame_decoder.onnx", "audio_encoder")
    wrong = Component("frame_decoder.onnx", "float32", sha256_of(bundle / "frame_decoder.onnx"))
    components = {**manifest.components, "frame_decoder": wrong}
    write_manifest(bundle, replace(manifest, components=components))
    with pytest.raises(SignatureMismatchError, match=r"frame_decoder\.onnx .* input identity_latent is missing"):
        open_avatar(bundle)


def test_auto_asks_for_bfloat16_where_the_bundle_bears_it_and_the_machine_gains_by_it(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Precision] = {}

    def remembering(
        artifact: Path, signature: EngineSignature, precision: Precision, threads: int | None, runs_at_once: int
    ) -> Engine:
        asked[artifact.stem] = precision
        return opener(artifact, signature, precision, threads, runs_at_once)

    opener, library = BACKENDS["openvino"].opener(), BACKENDS["openvino"].library
    monkeypatch.setitem(BACKENDS, "openvino", Backend(library, lambda: remembering))
    manifest = read_manifest(bundle)
    bears = replace(manifest.components["frame_decoder"], precision="bfloat16")
    write_manifest(bundle, replace(manifest, components={**manifest.components, "frame_decoder": bears}))
    for precision, decoders in (
        ("auto", "bfloat16" if takes_bfloat16("openvino") else "float32"),
        ("bfloat16", "bfloat16"),
        ("float32", "float32"),
    ):
        open_avatar(bundle, "openvino", precision, num_threads=1).close()
        assert asked["frame_decoder"] == decoders and asked["audio_encoder"] == "float32"
        assert asked["flow_transformer"] == ("bfloat16" if precision == "bfloat16" else "float32")


def test_8_bits_are_taken_where_the_bundle_bears_them_and_the_machine_gains(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: dict[str, Precision] = {}

    def remembering(
        artifact: Path, signature: EngineSignature, precision: Precision, threads: int | None, runs_at_once: int
    ) -> Engine:
        opened[artifact.stem] = precision
        return opener(artifact, signature, precision, threads, runs_at_once)

    opener, library = BACKENDS["openvino"].opener(), BACKENDS["openvino"].library
    monkeypatch.setitem(BACKENDS, "openvino", Backend(library, lambda: remembering))
    manifest = read_manifest(bundle)
    bears = {
        name: replace(component, precision="int8") if name != "portrait_encoder" else component
        for name, component in manifest.components.items()
    }
    write_manifest(bundle, replace(manifest, components=bears))
    lower = "bfloat16" if takes_bfloat16("openvino") else "float32"
    for asked, expected in (
        ("auto", "int8" if takes_int8("openvino") else lower),
        ("int8", "int8"),
        ("bfloat16", "bfloat16"),
        ("float32", "float32"),
    ):
        open_avatar(bundle, "openvino", asked, num_threads=1).close()
        assert opened["flow_transformer"] == opened["frame_decoder"] == expected
        assert opened["audio_encoder"] == "float32"
        assert opened["portrait_encoder"] == ("bfloat16" if asked == "bfloat16" else "float32")


def test_ranges_must_lie_where_engines_look_for_them(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    path = bundle / "elsewhere.json"
    path.write_text('{"a": [0, 1]}')
    ranges = BundledFile(path.name, sha256_of(path))
    decoder = replace(manifest.components["frame_decoder"], precision="int8", ranges=ranges)
    write_manifest(bundle, replace(manifest, components={**manifest.components, "frame_decoder": decoder}))
    with pytest.raises(BundleError, match=r"ranges in 'elsewhere\.json', expected frame_decoder\.ranges\.json"):
        open_avatar(bundle, precision="int8")
    components = {**manifest.components, "frame_decoder": replace(decoder, ranges=None)}
    write_manifest(bundle, replace(manifest, components=components))
    path.rename(bundle / "frame_decoder.ranges.json")
    with pytest.raises(BundleError, match=r"frame_decoder\.ranges\.json that its manifest does not name"):
        open_avatar(bundle, precision="int8")


@pytest.mark.parametrize("engine", list(BACKENDS))
def test_where_a_later_component_fails_those_opened_before_are_closed(
    bundle: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Engine] = []

    def remembering(
        artifact: Path, signature: EngineSignature, precision: Precision, threads: int | None, runs_at_once: int
    ) -> Engine:
        opened.append(BACKENDS[engine].opener()(artifact, signature, precision, threads, runs_at_once))
        return opened[-1]

    monkeypatch.setitem(BACKENDS, "remembering", Backend(BACKENDS[engine].library, lambda: remembering))
    avatar = open_avatar(bundle, "remembering")
    assert len(speak(avatar)) == 20 and len(opened) == 4
    avatar.close()
    opened.clear()
    manifest = read_manifest(bundle)
    broken = bundle / "frame_decoder.onnx"
    broken.write_bytes(b"no network")
    components = {**manifest.components, "frame_decoder": Component(broken.name, "float32", sha256_of(broken))}
    write_manifest(bundle, replace(manifest, components=components))
    with pytest.raises(EngineBuildError, match=r"frame_decoder\.onnx"):
        open_avatar(bundle, "remembering")
    assert len(opened) == 3
    for each in opened:
        inputs = {
            tensor.name: np.zeros([size or 640 for size in tensor.shape], np.float32)
            for tensor in each.signature.inputs
        }
        with pytest.raises(EngineRunError, match="the engine is closed"):
            each.run(**inputs)
