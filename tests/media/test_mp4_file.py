"""What is written can be read back with pictures and sound in step, and nothing half done is left behind."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from contract.errors import MediaError
from contract.packets import VOICE_SAMPLES_PER_FRAME, AvatarFrame, SpeechChunk, UInt8Array
from media.mp4_file import Mp4File
from pipeline.test_pattern import draw_pattern, read_counter, shows_flash

CLICK_FRAMES = (12, 30)


def frames(num_frames: int) -> list[AvatarFrame]:
    made = []
    for i in range(num_frames):
        voice = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)
        if i in CLICK_FRAMES:
            voice[900:1020] = 20_000
        chunk = SpeechChunk(i, np.zeros(640, np.float32), voice)
        made.append(AvatarFrame(chunk, draw_pattern(i, i in CLICK_FRAMES)))
    return made


def rgb(frame: av.VideoFrame) -> UInt8Array:
    return frame.to_ndarray(format="rgb24").astype(np.uint8)


def duration_s(stream: VideoStream | AudioStream) -> float:
    assert stream.duration is not None and stream.time_base is not None
    return float(stream.duration * stream.time_base)


def write(path: Path, num_frames: int) -> None:
    with Mp4File(path, 256, 256) as file:
        for frame in frames(num_frames):
            file.write(frame)


@pytest.mark.parametrize("num_frames", [1, 2, 50])
def test_pictures_and_sound_come_back(tmp_path: Path, num_frames: int) -> None:
    path = tmp_path / "film.mp4"
    write(path, num_frames)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert video.codec_context.pix_fmt == "yuv420p"
        assert video.average_rate == 25
        pictures = [rgb(frame) for frame in container.decode(video)]
        container.seek(0)
        num_samples = sum(frame.samples for frame in container.decode(audio))
        assert duration_s(video) == pytest.approx(num_frames / 25)
        assert duration_s(audio) == pytest.approx(num_frames / 25, abs=0.04)
    assert [read_counter(picture) for picture in pictures] == list(range(num_frames))
    assert 0 <= num_samples - num_frames * VOICE_SAMPLES_PER_FRAME <= 2048
    assert list(tmp_path.iterdir()) == [path]


def test_flash_and_click_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write(path, 50)
    with av.open(str(path)) as container:
        film = [(frame.time, rgb(frame)) for frame in container.decode(container.streams.video[0])]
        container.seek(0)
        sound = list(container.decode(container.streams.audio[0]))
    voice = np.concatenate([frame.to_ndarray()[0] for frame in sound])
    flashes_s = [time_s for time_s, picture in film if shows_flash(picture)]
    assert flashes_s == pytest.approx([i / 25 for i in CLICK_FRAMES])
    start_s = sound[0].time or 0.0
    for i in CLICK_FRAMES:
        part = slice(i * 1920, (i + 1) * 1920)
        assert abs(voice[part]).max() > 0.3
        at_s = start_s + (i * 1920 + int(np.abs(voice[part]).argmax())) / 48_000
        assert abs(at_s - (i * 1920 + 960) / 48_000) < 0.003


def test_colours_come_back(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    image = np.zeros((64, 64, 3), np.uint8)
    image[:] = (200, 90, 40)
    with Mp4File(path, 64, 64) as file:
        for frame in frames(5):
            file.write(AvatarFrame(frame.chunk, image))
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(picture.astype(int) - image).max() <= 4


def test_an_interrupted_film_leaves_nothing_and_spares_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the film of yesterday")

    def write_and_fail() -> None:
        with Mp4File(path, 256, 256) as file:
            file.write(frames(1)[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert path.read_bytes() == b"the film of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"film\.mp4 can't be written"):
        Mp4File(tmp_path / "nowhere" / "film.mp4", 64, 64)
    with pytest.raises(MediaError, match="is a folder"):
        Mp4File(tmp_path, 64, 64)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MediaError, match="can't be written"):
        Mp4File(tmp_path / "file" / "film.mp4", 64, 64)
