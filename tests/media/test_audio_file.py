"""Sound files of many kinds become chunks that keep the time, and files that are none say so."""

import wave
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from contract.errors import MediaError
from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, SpeechChunk
from media.audio_file import AudioFile, ChunkCutter, read_audio


def write_wav(path: Path, samples: np.ndarray, rate_hz: int) -> Path:
    """samples: [num_samples] or [num_samples, channels] int16."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def write_coded(path: Path, codec: str, samples: np.ndarray, rate_hz: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def tone(num_samples: int, rate_hz: int, frequency_hz: float = 440) -> np.ndarray:
    return (12_000 * np.sin(2 * np.pi * frequency_hz * np.arange(num_samples) / rate_hz)).astype(np.int16)


def joined(chunks: list[SpeechChunk]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([c.voice for c in chunks]), np.concatenate([c.pcm for c in chunks])


@pytest.mark.parametrize("num_samples", [1, 1919, 1920, 1921, 48_000, 50_001])
def test_sound_at_48_khz_comes_through_sample_by_sample(tmp_path: Path, num_samples: int) -> None:
    samples = np.random.default_rng(0).integers(-9000, 9000, num_samples).astype(np.int16)
    chunks = list(read_audio(write_wav(tmp_path / "a.wav", samples, 48_000)))
    assert len(chunks) == -(-num_samples // VOICE_SAMPLES_PER_FRAME)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    voice, pcm = joined(chunks)
    np.testing.assert_array_equal(voice[:num_samples], samples)
    assert not voice[num_samples:].any()
    assert pcm.dtype == np.float32
    assert len(pcm) == len(chunks) * SAMPLES_PER_FRAME


@pytest.mark.parametrize("num_samples", [100, 639, 640, 641, 16_000, 20_001])
def test_sound_at_16_khz_reaches_the_model_sample_by_sample(tmp_path: Path, num_samples: int) -> None:
    samples = np.random.default_rng(0).integers(-9000, 9000, num_samples).astype(np.int16)
    with AudioFile(write_wav(tmp_path / "a.wav", samples, 16_000)) as file:
        voice, pcm = joined(list(file.chunks()))
    assert file.num_samples == num_samples
    np.testing.assert_array_equal(pcm[:num_samples], samples / np.float32(32_768))
    assert not pcm[num_samples:].any()
    assert len(voice) == 3 * len(pcm)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_any_rate_keeps_time_and_loudness(tmp_path: Path, rate_hz: int) -> None:
    chunks = list(read_audio(write_wav(tmp_path / "a.wav", tone(2 * rate_hz, rate_hz), rate_hz)))
    assert len(chunks) == 50
    voice, pcm = joined(chunks)
    inside = slice(2000, -2000)
    expected = 12_000 * np.sin(2 * np.pi * 440 * np.arange(len(voice)) / 48_000)
    assert np.abs(voice - expected)[inside].max() < 250
    expected = 12_000 / 32_768 * np.sin(2 * np.pi * 440 * np.arange(len(pcm)) / 16_000)
    assert np.abs(pcm - expected)[inside].max() < 0.01


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_click_is_at_the_same_place_in_both_copies(tmp_path: Path, rate_hz: int) -> None:
    samples = np.zeros(30_000, np.int16)
    samples[12_345:12_360] = 20_000
    voice, pcm = joined(list(read_audio(write_wav(tmp_path / "a.wav", samples, rate_hz))))
    centre = np.average(np.arange(len(voice)), weights=np.abs(voice.astype(float)) ** 2)
    assert abs(centre - np.average(np.arange(len(pcm)), weights=pcm.astype(float) ** 2) * 3) < 1.5


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_stereo_is_mixed(tmp_path: Path, rate_hz: int) -> None:
    left = tone(rate_hz, rate_hz)
    voice, pcm = joined(list(read_audio(write_wav(tmp_path / "a.wav", np.stack([left, 0 * left], 1), rate_hz))))
    assert 0.45 < np.abs(voice).max() / 12_000 < 0.75
    assert np.abs(pcm).max() * 32_768 == pytest.approx(np.abs(voice).max(), rel=0.02)


@pytest.mark.parametrize(("codec", "name"), [("aac", "a.m4a"), ("flac", "a.flac"), ("libmp3lame", "a.mp3")])
def test_coded_formats(tmp_path: Path, codec: str, name: str) -> None:
    path = write_coded(tmp_path / name, codec, tone(96_000, 48_000), 48_000)
    with AudioFile(path) as file:
        assert file.expected_frames is not None
        assert 50 <= file.expected_frames <= 53
        chunks = list(file.chunks())
    assert 50 <= len(chunks) <= 52
    voice, _ = joined(chunks)
    loudness = voice[4000:90_000].astype(float).std()
    assert 0.9 < loudness / (12_000 / np.sqrt(2)) < 1.1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not there"),
        (b"", "is empty"),
        (b"these are words and no sound at all" * 9, "is no sound file"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "thing.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=message):
        list(read_audio(path))


def test_a_folder_and_a_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        list(read_audio(tmp_path))
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="holds no sound"):
        list(read_audio(tmp_path / "a.png"))


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(0, np.int16), 16_000)
    with pytest.raises(MediaError, match="0 samples"):
        list(read_audio(path))


def cut_into(sound: np.ndarray, rate_hz: int, lengths: Iterator[int]) -> list[SpeechChunk]:
    cutter, chunks, start = ChunkCutter(), list[SpeechChunk](), 0
    while start < len(sound):
        block = sound[start : start + next(lengths)]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="s16", layout="mono")
        frame.sample_rate = rate_hz
        chunks += cutter.push(frame)
        start += len(block)
    return chunks + list(cutter.flush())


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_however_the_sound_arrives_the_chunks_are_the_same(rate_hz: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = rng.integers(-9000, 9000, 2 * rate_hz + 321).astype(np.int16)
    whole = cut_into(sound, rate_hz, repeat(len(sound)))
    parts = cut_into(sound, rate_hz, (int(n) for n in rng.integers(1, 3000, 100_000)))
    assert [chunk.index for chunk in parts] == list(range(len(whole)))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.voice, other.voice)
        np.testing.assert_array_equal(one.pcm, other.pcm)


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(tmp_path / "rec10:30.wav", tone(4000, 16_000), 16_000)
    monkeypatch.chdir(tmp_path)
    assert len(list(read_audio(Path("rec10:30.wav")))) == 7


def test_a_kind_of_sound_that_nothing_decodes(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "odd.wav", tone(4000, 16_000), 16_000)
    content = bytearray(path.read_bytes())
    content[20:22] = b"\x77\x77"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="Decoder not found"):
        list(read_audio(path))


@pytest.mark.parametrize(("rate_hz", "num_samples"), [(16_000, 100), (16_000, 640), (16_000, 38_000), (48_000, 1921)])
def test_a_file_knows_its_length_without_what_fills_up_its_last_chunk(
    tmp_path: Path, rate_hz: int, num_samples: int
) -> None:
    with AudioFile(write_wav(tmp_path / "a.wav", tone(num_samples, rate_hz), rate_hz)) as file:
        assert file.num_samples == 0
        chunks = list(file.chunks())
        assert file.num_samples == -(-num_samples * 16_000 // rate_hz)
        assert -(-file.num_samples // SAMPLES_PER_FRAME) == len(chunks)
