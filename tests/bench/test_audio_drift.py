"""Drift is what it says: none where a stream hears all that features depend on, and known shares elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from bench.audio_drift import Drift, call_ms, drift_table, scale_errors, scale_table, start_table, time_table
from contract.errors import ConfigError
from contract.packets import SAMPLES_PER_FRAME, Float32Array
from engines.base import Array
from pipeline.sound_statistics import NormalisedSound, RunningStatistics, normalised_clip
from tests.fakes import TINY_SPEC, FakeEngine, linear_field, noise_chunks

SPEC = replace(TINY_SPEC, audio_statistics=True, window_frames=50)


class Plain:
    """No normalisation at all."""

    def hear(self, pcm: Float32Array) -> None:
        """Nothing to remember."""

    def normalise(self, pcm: Float32Array) -> NormalisedSound:
        """The sound as it is."""
        return replace(normalised_clip(pcm), pcm=pcm[None])

    def reset(self) -> None:
        """Nothing to forget."""


def engine(reach_frames: int = 0) -> FakeEngine:
    """Features are each frame's loudness, summed with that of as many frames before it."""

    def encode(inputs: dict[str, Array]) -> dict[str, Array]:
        loud = np.asarray(inputs["pcm"], np.float32).reshape(-1, SAMPLES_PER_FRAME).std(1)
        summed = np.sum([np.pad(loud, (shift, 0))[: len(loud)] for shift in range(reach_frames + 1)], 0)
        return {"audio_features": np.repeat(summed[None, :, None], 6, 2).astype(np.float32)}

    return FakeEngine(SPEC.signature("audio_encoder"), encode)


def audible_field() -> FakeEngine:
    """A flow transformer that makes motion of loudness."""

    def field(inputs: dict[str, Array]) -> dict[str, Array]:
        audio = np.asarray(inputs["audio_features"], np.float32)[:, :, :1]
        return {"velocity": np.repeat(audio, SPEC.latent_dim, 2) - np.asarray(inputs["noisy_motion"], np.float32)}

    return at_rest(FakeEngine(SPEC.signature("flow_transformer"), field))


def at_rest(flow: FakeEngine) -> FakeEngine:
    return flow.bind(reference_motion=np.zeros((1, SPEC.latent_dim), np.float32))


def sounds(num_frames: int = 300) -> list[Float32Array]:
    return [np.concatenate([chunk.pcm for chunk in noise_chunks(num_frames, seed)]) for seed in (0, 1)]


def test_what_hears_all_that_matters_does_not_drift() -> None:
    encoder = engine(reach_frames=20)
    drift = Drift(encoder, audible_field(), SPEC, [normalised_clip(pcm).pcm[0] for pcm in sounds()])
    assert max(drift.measure(1, 0, Plain())) < 1e-4
    assert max(drift.measure(0.4, 0, Plain())) > 0.05


def test_a_known_error_is_told_as_its_share() -> None:
    class Louder(Plain):
        def normalise(self, pcm: Float32Array) -> NormalisedSound:
            return super().normalise(1.1 * pcm)

    clips = [normalised_clip(pcm).pcm[0] for pcm in sounds()]
    drift = Drift(engine(), at_rest(linear_field(0.0, SPEC)), SPEC, clips)
    features, motion = drift.measure(1, 0, Louder())
    heard = np.concatenate([clip.reshape(-1, SAMPLES_PER_FRAME).std(1) for clip in clips])
    assert features == pytest.approx(0.1 * np.sqrt(np.square(heard).mean()) / heard.std(), rel=0.15)
    # Motion that does not listen is the same whatever is heard.
    assert motion == 0


def test_the_tables_have_a_row_for_each_case() -> None:
    drift = Drift(engine(), audible_field(), SPEC, sounds())
    rows = list(drift_table(drift))
    assert len(rows) == 2 + 4 * 5 and all(row.count("|") == 7 for row in rows)
    assert [row.split("|")[1].strip() for row in rows[2::5]] == ["1", "2", "4", "8"]
    assert len(list(start_table(drift))) == 2 + 4
    assert len(list(time_table(engine(), 2))) == 2 + 4
    assert call_ms(engine(), 1, 0) > 0


def test_running_statistics_come_closer_the_longer_they_listen() -> None:
    drift = Drift(engine(), audible_field(), replace(SPEC, audio_context_frames=25), sounds())
    shares = drift.at_start()
    assert shares[-1] < shares[0]
    assert drift.measure(1, 0, RunningStatistics())[0] < 0.1


def test_scales_agree_where_the_window_is_the_clip_and_silence_tells_running_from_window() -> None:
    (pcm, _) = sounds()
    running, window = scale_errors(pcm, [299], 20)
    assert window < 1e-9 and running < 0.05
    quiet = np.concatenate([pcm, np.zeros(100 * SAMPLES_PER_FRAME, np.float32)])
    running, window = scale_errors(quiet, [399], 1)
    assert running < 0.3 and window > 3
    assert len(list(scale_table([pcm]))) == 2 + 4


def test_a_sound_that_is_too_short_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a sound lasts 4.00 s, expected at least 9.60"):
        Drift(engine(), audible_field(), SPEC, sounds(100))
