"""Whole clips from the real synthesisers: phones sit on the sound, the mouth follows it, files keep all of it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError, MediaError
from contract.packets import FRAMES_PER_S, MODEL_RATE_HZ, SAMPLES_PER_FRAME
from contract.spec import EMOTIONS
from training.motion_names import HIGHEST, LOWEST, MOTION_NAMES
from training.speech import Clip, Voice, assemble, load_clips, make_clip, save_clips, synthesise
from training.speech_clips import trimmed
from training.viseme_table import SILENT_LABELS
from training.visemes import MOUTH_COLUMNS

NEUTRAL = EMOTIONS.index("neutral")
COLUMN = {name: i for i, name in enumerate(MOTION_NAMES)}
TEXT = "Papa bought a big map, but the cat kept taking it back to the park."
ESPEAK = pytest.param(Voice("espeak-ng", "en-us+m3"), marks=pytest.mark.system("espeak-ng"), id="espeak-ng")
GERMAN = pytest.param(
    Voice("espeak-ng", "de+f2", "de", rate=1.2, size=0.9), marks=pytest.mark.system("espeak-ng"), id="espeak-ng, bent"
)
FLITE = [
    pytest.param(Voice("flite", name), marks=pytest.mark.system("flite"), id=f"flite {name}")
    for name in ("slt", "rms", "awb")
]
BENT = pytest.param(
    Voice("flite", "rms", rate=1.2, pitch=1.3, size=0.9), marks=pytest.mark.system("flite"), id="flite, bent"
)
FESTIVAL = pytest.param(Voice("festival", "kal_diphone"), marks=pytest.mark.system("festival"), id="festival")
VOICES = [ESPEAK, GERMAN, *FLITE, BENT, FESTIVAL]


def level_db(pcm: np.ndarray, start_s: float, end_s: float) -> float:
    part = pcm[int(start_s * MODEL_RATE_HZ) : int(end_s * MODEL_RATE_HZ)]
    return float(10 * np.log10(np.mean(part**2) + 1e-8))


def frame_rms(clip: Clip) -> np.ndarray:
    return np.sqrt((clip.pcm.reshape(-1, SAMPLES_PER_FRAME) ** 2).mean(1))


@pytest.mark.parametrize("voice", VOICES)
def test_phones_are_in_order_and_within_the_sound(voice: Voice):
    spoken = synthesise(voice, TEXT)
    assert spoken.pcm.dtype == np.float32 and 0.05 < np.abs(spoken.pcm).max() < 1.2
    assert spoken.text == TEXT and spoken.voice == voice.name
    assert sum(label not in SILENT_LABELS for label, _, _ in spoken.phones) > 35
    assert all(start_s < end_s for _, start_s, end_s in spoken.phones)
    assert all(first[2] <= second[1] + 1e-6 for first, second in pairwise(spoken.phones))
    assert spoken.phones[0][1] >= 0.0 and spoken.phones[-1][2] <= len(spoken.pcm) / MODEL_RATE_HZ + 0.06


@pytest.mark.parametrize("voice", VOICES)
def test_voiceless_stops_are_quiet_where_their_phones_say(voice: Voice):
    spoken = synthesise(voice, TEXT)

    def contrast_db(shift_s: float) -> float:
        """How much louder everything else is than the closures, with phones moved by shift_s."""
        stops, others = [], []
        for label, start_s, end_s in spoken.phones[1:-1]:
            if label in ("p", "t", "k"):
                stops.append(level_db(spoken.pcm, start_s + shift_s, start_s + shift_s + 0.6 * (end_s - start_s)))
            elif label not in SILENT_LABELS:
                others.append(level_db(spoken.pcm, start_s + shift_s, end_s + shift_s))
        return float(np.mean(others) - np.mean(stops))

    assert contrast_db(0.0) > 6.0
    assert contrast_db(0.0) > max(contrast_db(-0.05), contrast_db(0.05))


@pytest.mark.system("espeak-ng")
def test_a_larger_speaker_sounds_lower_and_takes_the_same_time():
    def brightness_hz(pcm: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(pcm)) ** 2
        return float((power * np.fft.rfftfreq(len(pcm), 1 / MODEL_RATE_HZ)).sum() / power.sum())

    small, large = (synthesise(Voice("espeak-ng", "en-us+m3", size=size), TEXT) for size in (0.9, 1.12))
    assert brightness_hz(large.pcm) < 0.93 * brightness_hz(small.pcm)
    assert len(large.pcm) == pytest.approx(len(small.pcm), rel=0.08)


@pytest.mark.system("espeak-ng")
def test_speaking_faster_takes_less_time():
    slow, fast = (synthesise(Voice("espeak-ng", "en-us+m3", rate=rate), TEXT) for rate in (0.8, 1.3))
    assert len(fast.pcm) < 0.75 * len(slow.pcm)


@pytest.mark.system("espeak-ng")
def test_an_unknown_espeak_voice_is_refused():
    with pytest.raises(ConfigError, match="'xx-nowhere'"):
        synthesise(Voice("espeak-ng", "xx-nowhere"), TEXT)


def test_a_flite_voice_without_exact_times_is_refused():
    with pytest.raises(ConfigError, match="'kal'"):
        synthesise(Voice("flite", "kal"), TEXT)


@pytest.mark.system("espeak-ng")
def test_text_without_a_phone_is_refused():
    with pytest.raises(MediaError):
        trimmed(synthesise(Voice("espeak-ng", "en-us+m3"), "..."))


@pytest.mark.system("espeak-ng")
def test_trimming_keeps_phones_on_their_sound():
    spoken = synthesise(Voice("espeak-ng", "en-us+m3"), "A map.")
    cut = trimmed(spoken)
    assert cut.phones[0][1] <= 0.021 and cut.phones[-1][2] >= len(cut.pcm) / MODEL_RATE_HZ - 0.051
    shift_s = spoken.phones[0][1] - cut.phones[0][1]
    start = round(shift_s * MODEL_RATE_HZ)
    assert np.array_equal(cut.pcm, spoken.pcm[start : start + len(cut.pcm)])


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [make_clip(np.random.default_rng([7, number])) for number in range(16)]


@pytest.mark.system("espeak-ng", "flite", "festival")
def test_clips_are_whole_and_in_range(clips: list[Clip]):
    for clip in clips:
        assert 10 * FRAMES_PER_S <= clip.num_frames <= 20 * FRAMES_PER_S
        assert clip.pcm.shape == (clip.num_frames * SAMPLES_PER_FRAME,) and clip.pcm.dtype == np.float32
        assert np.abs(clip.pcm).max() <= 1.0
        assert clip.motion.shape == (clip.num_frames, len(MOTION_NAMES)) and clip.motion.dtype == np.float32
        assert (clip.motion >= LOWEST).all() and (clip.motion <= HIGHEST).all()
        assert clip.speech_mask.shape == (clip.num_frames,)
        assert bool(clip.phones) == bool(clip.voice) == bool(clip.speech_mask.any())


@pytest.mark.system("espeak-ng", "flite", "festival")
def test_the_jaw_follows_the_loudness_without_lag(clips: list[Clip]):
    at_lag: dict[int, list[float]] = {lag: [] for lag in range(-4, 5)}
    for clip in (clip for clip in clips if clip.phones):
        loudness, jaw = frame_rms(clip), clip.motion[:, COLUMN["jaw"]]
        for lag, found in at_lag.items():
            found.append(np.corrcoef(loudness[4:-4], np.roll(jaw, -lag)[4:-4])[0, 1])
    means = {lag: float(np.mean(found)) for lag, found in at_lag.items()}
    assert means[0] >= 0.65
    assert max(means, key=means.__getitem__) == 0


@pytest.mark.system("espeak-ng", "flite", "festival")
def test_every_bilabial_closes_the_mouth(clips: list[Clip]):
    num_bilabials = 0
    for clip in clips:
        shut = (clip.motion[:, COLUMN["lip_closing"]] > 0.99) & (clip.motion[:, COLUMN["jaw"]] < 0.2)
        for label, start_s, end_s in clip.phones:
            if label in ("p", "b", "m"):
                num_bilabials += 1
                assert shut[int(start_s * FRAMES_PER_S) : int(end_s * FRAMES_PER_S) + 1].any(), (clip.voice, label)
    assert num_bilabials > 50


@pytest.mark.system("espeak-ng", "flite", "festival")
def test_the_mouth_rests_away_from_speech(clips: list[Clip]):
    num_resting = 0
    for clip in clips:
        far = np.convolve(clip.speech_mask, np.ones(9), "same") == 0
        num_resting += int(far.sum())
        assert not clip.motion[far][:, MOUTH_COLUMNS].any()
    assert num_resting > 500


@pytest.mark.system("espeak-ng", "flite", "festival")
def test_the_seed_decides_the_clip(clips: list[Clip]):
    again = make_clip(np.random.default_rng([7, 0]))
    assert np.array_equal(again.motion, clips[0].motion) and np.array_equal(again.pcm, clips[0].pcm)


@pytest.mark.system("espeak-ng", "flite", "festival")
def test_a_file_keeps_the_clips(clips: list[Clip], tmp_path: Path):
    path = tmp_path / "clips.bin"
    save_clips(path, clips)
    loaded = load_clips(path)
    assert len(loaded) == len(clips)
    for clip, again in zip(clips, loaded, strict=True):
        assert np.abs(again.pcm - clip.pcm).max() < 1e-4
        assert np.abs(again.motion - clip.motion).max() < 1e-3
        assert np.array_equal(again.speech_mask, clip.speech_mask)
        # Chance means the same after reading: a blink must not hang on a rounded bit.
        assert again.chance is not None and clip.chance is not None
        assert np.array_equal(again.chance, clip.chance)
        assert (again.emotion, again.voice) == (clip.emotion, clip.voice)
        assert [phone[0] for phone in again.phones] == [phone[0] for phone in clip.phones]
        for (_, *times), (_, *expected) in zip(again.phones, clip.phones, strict=True):
            assert times == pytest.approx(expected, abs=1e-5)


def test_sound_without_speech_leaves_the_mouth_at_rest():
    generator = np.random.default_rng(0)
    pcm = (0.3 * generator.standard_normal(100 * SAMPLES_PER_FRAME)).astype(np.float32)
    clip = assemble(pcm, (), NEUTRAL, generator)
    assert not clip.motion[:, MOUTH_COLUMNS].any() and not clip.speech_mask.any()
    assert np.abs(clip.motion[:, :3]).max() < 0.05


def test_clips_without_any_phone_can_be_kept(tmp_path: Path):
    silent = assemble(np.zeros(50 * SAMPLES_PER_FRAME, np.float32), (), NEUTRAL, np.random.default_rng(0))
    save_clips(tmp_path / "silent.npz", [silent])
    assert load_clips(tmp_path / "silent.npz")[0].phones == ()


@pytest.mark.parametrize("content", [None, b"", b"not clips", b"PK\x03\x04 damaged"])
def test_a_file_that_is_not_clips_is_refused(content: bytes | None, tmp_path: Path):
    path = tmp_path / "clips.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=r"clips\.npz"):
        load_clips(path)


def test_arrays_of_something_else_are_refused(tmp_path: Path):
    np.savez(tmp_path / "other.npz", format=np.array(1), pcm=np.zeros(3))
    with pytest.raises(MediaError, match="lacks the arrays"):
        load_clips(tmp_path / "other.npz")
