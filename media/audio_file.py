"""A sound file, cut into the chunks that everything works on.

In: a file of any format that FFmpeg reads. Out: `SpeechChunk`, one for each 40 ms, the last filled up with silence.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from contract.errors import MediaError
from contract.packets import (
    FRAMES_PER_S,
    MODEL_RATE_HZ,
    SAMPLES_PER_FRAME,
    VOICE_RATE_HZ,
    VOICE_SAMPLES_PER_FRAME,
    Int16Array,
    SpeechChunk,
)

_READ_ERRORS = (av.FFmpegError, OSError, ValueError)


def read_audio(path: Path) -> Iterator[SpeechChunk]:
    """The chunks of a sound file; raises MediaError where it can't be read or holds no sound."""
    with AudioFile(path) as file:
        yield from file.chunks()


class AudioFile:
    """A sound file that is open for reading; a context manager.

    expected_frames: how many chunks its header promises, None where it does not say; an estimate for progress bars
    num_samples: its length at 16 kHz once all chunks were given, without the silence that fills up the last; 0 before
    """

    def __init__(self, path: Path) -> None:
        """Open the file; raises MediaError where it is missing, of no known format, or without sound."""
        if not path.is_file():
            raise MediaError(f"{path} is {'a folder' if path.is_dir() else 'not there'}, expected a sound file")
        if path.stat().st_size == 0:
            raise MediaError(f"{path} is empty, expected a sound file")
        self._path = path
        try:
            # Without "file:" FFmpeg takes what stands before a colon in the name for a protocol.
            self._container = av.open(f"file:{path}")
        except _READ_ERRORS as error:
            raise MediaError(f"{path} is no sound file that can be read: {error}") from error
        if not self._container.streams.audio:
            self._container.close()
            raise MediaError(f"{path} holds no sound, expected a file such as WAV, MP3 or M4A")
        self._stream = self._container.streams.audio[0]
        self.expected_frames = _expected_frames(self._container.duration)
        self.num_samples = 0

    def __enter__(self) -> "AudioFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def chunks(self) -> Iterator[SpeechChunk]:
        """All chunks in order, once; raises MediaError where the file is damaged or holds no samples."""
        cutter = ChunkCutter()
        try:
            for frame in self._container.decode(self._stream):
                yield from cutter.push(frame)
            yield from cutter.flush()
        except _READ_ERRORS as error:
            at_s = cutter.num_chunks / FRAMES_PER_S
            raise MediaError(f"{self._path} is damaged after {at_s:.2f} s of sound: {error}") from error
        if cutter.num_chunks == 0:
            raise MediaError(f"{self._path} holds no sound: it has 0 samples, expected at least one")
        self.num_samples = cutter.num_chunks * SAMPLES_PER_FRAME - cutter.num_filled_samples


class ChunkCutter:
    """Decoded sound to chunks: for people at 48 kHz, and made from that for the model at 16 kHz.

    Both copies keep the same time: sample 3 n of one is sample n of the other. Sound that comes at 16 kHz reaches the
    model as it is: on the way up and back it would lose what lies above 6 kHz.

    num_filled_samples: of the last chunk's 640, those that are silence after the sound's end
    """

    def __init__(self) -> None:
        self.num_chunks = 0
        self.num_filled_samples = 0
        self._to_voice = av.AudioResampler(format="s16", layout="mono", rate=VOICE_RATE_HZ)
        self._to_model = av.AudioResampler(format="flt", layout="mono", rate=MODEL_RATE_HZ)
        self._is_at_model_rate = False
        self._to_mono = av.AudioResampler(format="s16", layout="mono", rate=MODEL_RATE_HZ)
        self._voice = SampleQueue("int16")
        self._pcm = SampleQueue("float32")

    def push(self, frame: av.AudioFrame | None) -> Iterator[SpeechChunk]:
        """Take decoded sound; give the chunks that are whole. None ends the sound of the first resampler."""
        if frame is not None and frame.sample_rate == MODEL_RATE_HZ:
            self._is_at_model_rate = True
            sound = np.concatenate([mono.to_ndarray()[0] for mono in self._to_mono.resample(frame)])
            self._pcm.append(sound / np.float32(32_768))
            frame = _mono_frame(sound, MODEL_RATE_HZ)
        for voice_frame in self._to_voice.resample(frame):
            self._hear(voice_frame.to_ndarray()[0])
        while len(self._voice) >= VOICE_SAMPLES_PER_FRAME and len(self._pcm) >= SAMPLES_PER_FRAME:
            yield self._cut()

    def flush(self) -> Iterator[SpeechChunk]:
        """What is left, the last chunk filled up with silence."""
        yield from self.push(None)
        for model_frame in self._to_model.resample(None):
            self._pcm.append(model_frame.to_ndarray()[0])
        while len(self._voice) > 0:
            num_missing = max(0, VOICE_SAMPLES_PER_FRAME - len(self._voice))
            self.num_filled_samples = num_missing * MODEL_RATE_HZ // VOICE_RATE_HZ
            self._voice.append(np.zeros(num_missing, np.int16))
            self._pcm.append(np.zeros(max(0, SAMPLES_PER_FRAME - len(self._pcm)), np.float32))
            yield self._cut()

    def _hear(self, voice: Int16Array) -> None:
        self._voice.append(voice)
        if self._is_at_model_rate:
            return
        for model_frame in self._to_model.resample(_mono_frame(voice, VOICE_RATE_HZ)):
            self._pcm.append(model_frame.to_ndarray()[0])

    def _cut(self) -> SpeechChunk:
        pcm = np.clip(self._pcm.take(SAMPLES_PER_FRAME), -1, 1)
        chunk = SpeechChunk(self.num_chunks, pcm.astype(np.float32), self._voice.take(VOICE_SAMPLES_PER_FRAME))
        self.num_chunks += 1
        return chunk


class SampleQueue:
    """Samples in, in blocks of any size; samples out, as many as asked for."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._blocks: list[np.ndarray] = []
        self._num_samples = 0

    def __len__(self) -> int:
        return self._num_samples

    def append(self, samples: np.ndarray) -> None:
        """Add samples at the end."""
        self._blocks.append(samples)
        self._num_samples += len(samples)

    def take(self, num_samples: int) -> np.ndarray:
        """The first samples, which are then gone."""
        samples = np.concatenate(self._blocks).astype(self._dtype)
        self._blocks = [samples[num_samples:]]
        self._num_samples -= num_samples
        return samples[:num_samples].copy()


def _mono_frame(samples: Int16Array, rate_hz: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, :]), format="s16", layout="mono")
    frame.sample_rate = rate_hz
    return frame


def _expected_frames(duration_us: int | None) -> int | None:
    if duration_us is None or duration_us <= 0:
        return None
    return -(-duration_us * FRAMES_PER_S // av.time_base)
