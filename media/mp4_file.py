"""Finished frames to an MP4 file: H.264 pictures at 25 a second, AAC sound, both from the same packets.

In: `AvatarFrame`, in order. Out: a file that is there when it is whole, and not before.
"""

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from contract.errors import MediaError
from contract.packets import FRAMES_PER_S, VOICE_RATE_HZ, VOICE_SAMPLES_PER_FRAME, AvatarFrame

_WRITE_ERRORS = (av.FFmpegError, OSError, ValueError)
_AAC_BITS_PER_S = 128_000


class Mp4File:
    """An MP4 file that is being written; a context manager.

    It is written beside its place under another name and moved there at the end. Where anything goes wrong before, the
    other file is deleted and what stood in its place is left as it was.
    """

    def __init__(self, path: Path, width_px: int, height_px: int) -> None:
        """Begin the file; raises MediaError where nothing can be written there."""
        self._path = path
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        if path.is_dir():
            raise MediaError(f"{path} is a folder, expected the name of an MP4 file")
        try:
            self._beside.touch()
            self._container = av.open(str(self._beside), "w", format="mp4", options={"movflags": "+faststart"})
            self._video = self._add_video(width_px, height_px)
            self._audio = self._add_audio()
        except _WRITE_ERRORS as error:
            with suppress(OSError):
                self._beside.unlink(missing_ok=True)
            raise MediaError(f"{path} can't be written: {_reason(error)}") from error
        self._num_frames = 0

    def __enter__(self) -> "Mp4File":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def write(self, frame: AvatarFrame) -> None:
        """Add a picture and its 40 ms of sound; raises MediaError."""
        picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
        # Says which matrix the player is to undo; without it each guesses by the picture's size.
        picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        picture.pts = self._num_frames
        picture.time_base = Fraction(1, FRAMES_PER_S)
        sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(frame.chunk.voice[None]), format="s16", layout="mono")
        sound.sample_rate = VOICE_RATE_HZ
        sound.pts = self._num_frames * VOICE_SAMPLES_PER_FRAME
        sound.time_base = Fraction(1, VOICE_RATE_HZ)
        self._num_frames += 1
        try:
            self._container.mux(self._video.encode(picture))
            self._container.mux(self._audio.encode(sound))
        except _WRITE_ERRORS as error:
            raise MediaError(f"{self._path} can't be written further: {_reason(error)}") from error

    def finish(self) -> None:
        """Write what the encoders still hold and put the file in its place; raises MediaError."""
        try:
            self._container.mux(self._video.encode(None))
            self._container.mux(self._audio.encode(None))
            self._container.close()
            self._beside.replace(self._path)
        except _WRITE_ERRORS as error:
            self.abandon()
            raise MediaError(f"{self._path} can't be finished: {_reason(error)}") from error

    def abandon(self) -> None:
        """Delete what was written so far."""
        # Whatever fails here, the file is thrown away and an error is on its way already.
        with suppress(*_WRITE_ERRORS):
            self._container.close()
        with suppress(OSError):
            self._beside.unlink(missing_ok=True)

    def _add_video(self, width_px: int, height_px: int) -> VideoStream:
        video = self._container.add_stream("libx264", rate=FRAMES_PER_S, options={"crf": "18", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width_px, height_px, "yuv420p"
        context = video.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        return video

    def _add_audio(self) -> AudioStream:
        audio = self._container.add_stream("aac", rate=VOICE_RATE_HZ, layout="mono")
        audio.bit_rate = _AAC_BITS_PER_S
        return audio


def _reason(error: Exception) -> str:
    # Without the file's name, which is that of the file beside and not the one asked for.
    return str(getattr(error, "strerror", None) or error)
