"""An avatar of plain arithmetic, measured: every frame comes, and its time is its stages'."""

import json
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from assembly.engine_times import EngineTimes, time_engines
from bench.avatar_throughput import AvatarReport, ThroughputSettings, measure, silence, voice
from bench.machine import this_machine
from bench.sound_files import write_wav
from contract.errors import ConfigError
from pipeline.avatar import NeuralAvatar
from pipeline.profile import PROFILES, Profile
from tests.fakes import TINY_SPEC, fake_engines

PICTURE = np.full((32, 32, 3), 120, np.uint8)


def test_a_profile_is_measured_in_whole_windows() -> None:
    engines = fake_engines()
    avatar = NeuralAvatar(TINY_SPEC, engines)
    times = EngineTimes(time.perf_counter, time.process_time)
    time_engines(avatar, times)
    portrait = avatar.prepare(PICTURE, crop=False)
    found = measure(avatar, portrait, Profile("tiny", 4, 2), voice(None), 1.0, times)
    assert found.frames_per_s > 0 and set(found.stages_ms) == {"audio", "flow", "decode", "python"}
    assert sum(found.stages_ms.values()) == pytest.approx(1000 / found.frames_per_s)
    assert all(time_ms > 0 for time_ms in found.stages_ms.values())
    assert 0 < found.engines_cpu_ms <= found.cpu_ms


def test_the_report_has_every_profile_in_both_states(tmp_path: Path) -> None:
    avatar = NeuralAvatar(TINY_SPEC, fake_engines())
    times = EngineTimes(time.perf_counter, time.process_time)
    time_engines(avatar, times)
    portrait = avatar.prepare(PICTURE, crop=False)
    runs = {
        profile.name: {
            state: measure(avatar, portrait, profile.fitted(TINY_SPEC), chunks, 0.2, times)
            for state, chunks in (("talking", voice(None)), ("idle", silence()))
        }
        for profile in PROFILES
    }
    report = AvatarReport(this_machine(), ThroughputSettings(tmp_path), PROFILES, runs)
    record = json.loads(json.dumps(report.to_json()))
    assert set(record["idle_over_talking"]) == {"interactive", "balanced", "paper"}
    shares = record["runs"]["balanced"]["talking"]["stage_shares"]
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)
    assert record["profiles"]["balanced"]["hop_frames"] == 10 and record["settings"]["bundle"] == str(tmp_path)
    assert "interactive" in report.table() and "idle over talking" in report.table()


def test_a_file_is_spoken_again_and_again(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).integers(-9000, 9000, 3 * 1920 + 500).astype(np.int16)
    path = write_wav(tmp_path / "voice.wav", sound)
    chunks = list(islice(voice(path), 7))
    assert [chunk.index for chunk in chunks] == list(range(7))
    np.testing.assert_array_equal(chunks[1].voice, chunks[4].voice)
    assert np.abs(chunks[0].pcm).max() <= 1 and chunks[0].pcm.std() > 0.01
    with pytest.raises(ConfigError, match="holds 100 samples of sound, expected at least 1920"):
        voice(write_wav(tmp_path / "short.wav", sound[:100]))


def test_one_pair_takes_the_place_of_the_named_profiles() -> None:
    assert ThroughputSettings(Path(), hop_frames=3).profiles() == (Profile("custom", 3, 0),)
    assert ThroughputSettings(Path()).profiles() == PROFILES
    with pytest.raises(ConfigError, match="0 rounds of 10 s"):
        ThroughputSettings(Path(), num_rounds=0)
