"""The shipped avatar's audio features: the same bits live and offline, a whole clip's numbers, and their look-ahead.

On every engine that serves, in float32, which is the audio encoder's only precision.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from assembly.avatar_factory import of_one
from bundles import embedded_bundle
from bundles.manifest import Manifest, read_manifest
from contract.packets import SAMPLES_PER_FRAME, VOICE_RATE_HZ, Float32Array, Int16Array, SpeechChunk
from engines.base import Array, Engine, OneAtATime
from engines.registry import open_engine
from media.audio_file import ChunkCutter
from pipeline.audio_features import clip_features
from pipeline.avatar import delay_frames
from pipeline.conditions import ClipConditions, Conditions
from pipeline.profile import PROFILES
from pipeline.speech_like import speech_like
from pipeline.stream_settings import StreamSettings

NUM_FRAMES = 60
WHOLE_CLIP_TOLERANCE = 1e-5
LOOKAHEAD_FRAMES = 2


class Listening(OneAtATime):
    """An engine that also keeps the shapes of the sounds that it was given."""

    def __init__(self, engine: Engine) -> None:
        self.signature = engine.signature
        self.shapes: list[tuple[int, ...]] = []
        self._engine = engine

    def run(self, **inputs: Array) -> dict[str, Array]:
        self.shapes.append(inputs["pcm"].shape)
        return self._engine.run(**inputs)

    def bind(self, **constants: Array) -> Engine:
        return self._engine.bind(**constants)

    def close(self) -> None:
        self._engine.close()


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest(embedded_bundle(), verify_sums=False)


@pytest.fixture(scope="module", params=["openvino", "onnxruntime"])
def encoder(request: pytest.FixtureRequest, manifest: Manifest) -> Iterator[Listening]:
    engine = open_engine(
        request.param,
        embedded_bundle() / manifest.components["audio_encoder"].file,
        of_one(manifest.spec.signature("audio_encoder")),
        "float32",
        num_threads=1,
    )
    yield Listening(engine)
    engine.close()


@pytest.fixture(scope="module")
def voice() -> Int16Array:
    """[samples] int16 at 48 kHz: what speaks, pauses, and speaks in noise, with a last frame that is not whole."""
    sound = np.concatenate([chunk.voice for chunk in islice(speech_like(), NUM_FRAMES)]).astype(np.float64)
    sound[len(sound) // 3 : len(sound) // 2] = 0
    sound += np.random.default_rng(0).normal(0, 200, len(sound))
    return sound[: -VOICE_RATE_HZ // 100].clip(-32768, 32767).astype(np.int16)


def chunks(pieces: list[Int16Array]) -> list[SpeechChunk]:
    """The chunks of sound that arrives in these pieces."""
    cutter = ChunkCutter()
    cut: list[SpeechChunk] = []
    for piece in pieces:
        frame = av.AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE_HZ
        cut += cutter.push(frame)
    return [*cut, *cutter.flush()]


def heard(conditions: Conditions | ClipConditions, sound: list[SpeechChunk]) -> Float32Array:
    frames = [frame for chunk in sound for frame in conditions.push(chunk)] + conditions.flush()
    assert [frame.chunk.index for frame in frames] == list(range(len(sound)))
    return np.stack([frame.audio_features for frame in frames])


def whole_clip_pass(path: Path, pcm: Float32Array, manifest: Manifest) -> Float32Array:
    """All features of a clip from one float32 run of the shipped graph, silence beyond the clip's ends.

    pcm: [num_frames * 640] float32. The graph's layers take any length; only its declared shape is that of a call.
    """
    model = onnx.load(embedded_bundle() / manifest.components["audio_encoder"].file)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "samples"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "frames"
    del model.graph.value_info[:]
    onnx.save(model, path)
    spec = manifest.spec
    around = (spec.audio_context_frames * SAMPLES_PER_FRAME, spec.audio_lookahead_frames * SAMPLES_PER_FRAME)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    features: Float32Array = session.run(["audio_features"], {"pcm": np.pad(pcm, around)[None]})[0][0]
    return features


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_however_the_sound_is_cut_live_features_are_the_offline_ones_bit_for_bit(
    encoder: Listening, manifest: Manifest, voice: Int16Array, seed: int
) -> None:
    spec, rng = manifest.spec, np.random.default_rng(seed)
    offline_sound = chunks([voice])
    pcm = np.concatenate([chunk.pcm for chunk in offline_sound])
    # Packets of 20 ms, then pieces of 2 ms to half a second.
    cuts = np.arange(960, len(voice), 960) if seed == 0 else np.cumsum(rng.integers(96, 24_000, 300))
    live_sound = chunks([piece for piece in np.split(voice, cuts[cuts < len(voice)]) if len(piece)])
    encoder.shapes.clear()
    live = heard(Conditions(encoder, spec), live_sound)
    assert live.shape == (NUM_FRAMES, spec.audio_feature_dim)
    # `generate` in both of its audio modes, and the function beneath.
    np.testing.assert_array_equal(live, heard(Conditions(encoder, spec), offline_sound))
    np.testing.assert_array_equal(live, heard(ClipConditions(encoder, spec, pcm), offline_sound))
    np.testing.assert_array_equal(live, clip_features(encoder, spec, pcm))
    # What makes it so: one shape of call, wherever the sound comes from.
    assert set(encoder.shapes) == {(1, spec.audio_call_samples)}


def test_one_pass_over_the_whole_clip_gives_the_same_numbers(
    encoder: Listening, manifest: Manifest, voice: Int16Array, tmp_path: Path
) -> None:
    sound = chunks([voice])
    whole = whole_clip_pass(tmp_path / "whole.onnx", np.concatenate([chunk.pcm for chunk in sound]), manifest)
    live = heard(Conditions(encoder, manifest.spec), sound)
    assert whole.shape == live.shape
    assert np.abs(live - whole).max() / np.abs(whole).max() < WHOLE_CLIP_TOLERANCE


def test_a_feature_waits_for_its_lookahead_and_hears_nothing_beyond_it(
    encoder: Listening, manifest: Manifest, voice: Int16Array
) -> None:
    spec, sound = manifest.spec, chunks([voice])
    conditions = Conditions(encoder, spec)
    counts = [len(conditions.push(chunk)) for chunk in sound]
    assert counts == [0] * LOOKAHEAD_FRAMES + [1] * (len(sound) - LOOKAHEAD_FRAMES)
    changed_index = 30
    louder = replace(sound[changed_index], pcm=(0.3 - sound[changed_index].pcm).astype(np.float32))
    changed = [*sound[:changed_index], louder, *sound[changed_index + 1 :]]
    differs = (heard(Conditions(encoder, spec), changed) != heard(Conditions(encoder, spec), sound)).any(1)
    first, last = np.flatnonzero(differs)[[0, -1]]
    assert first == changed_index - LOOKAHEAD_FRAMES
    assert last <= changed_index + spec.audio_context_frames


def test_the_lookahead_stands_in_the_manifest_and_counts_in_every_profiles_delay(manifest: Manifest) -> None:
    spec = manifest.spec
    assert spec.audio_lookahead_frames == LOOKAHEAD_FRAMES
    for profile in PROFILES:
        window = StreamSettings(profile.hop_frames, profile.lookahead_frames).window(spec)
        deaf = delay_frames(replace(spec, audio_lookahead_frames=0), window)
        assert delay_frames(spec, window) == deaf + LOOKAHEAD_FRAMES
        assert deaf == profile.hop_frames - 1 + profile.lookahead_frames
