"""When frames are released: together, in order, and never more than may wait."""

import numpy as np
import pytest

from contract.packets import SAMPLES_PER_FRAME, VOICE_SAMPLES_PER_FRAME, SpeechChunk
from server.conductor import Conductor
from server.media_tracks import PACKET_SAMPLES
from server.playout import PlayableFrame, Playout, PlayoutSettings
from server.session_counts import SessionCounts
from tests.fakes import FakeClock

PCM = np.zeros(SAMPLES_PER_FRAME, np.float32)
LOUD = np.full(VOICE_SAMPLES_PER_FRAME, 9000, np.int16)
QUIET = np.zeros(VOICE_SAMPLES_PER_FRAME, np.int16)


def playable(index: int, voice: np.ndarray = LOUD) -> PlayableFrame:
    """A frame whose picture and voice both tell its index."""
    marked = voice.copy()
    marked[0] = index % 30_000
    return PlayableFrame(SpeechChunk(index, PCM, marked), np.full((6, 4), index % 250, np.uint8), 0.0)


def a_playout(cushion_frames: int = 2, **settings: int) -> tuple[Playout, SessionCounts]:
    counts = SessionCounts()
    return Playout(PlayoutSettings(cushion_frames=cushion_frames, **settings), counts), counts


@pytest.mark.parametrize("cushion_frames", [0, 1, 2, 5])
def test_the_first_frame_waits_for_the_cushion(cushion_frames: int) -> None:
    playout, _ = a_playout(cushion_frames)
    assert playout.release() is None
    playout.add(playable(0))
    releases = [playout.release() for _ in range(cushion_frames + 1)]
    assert releases[:-1] == [None] * cushion_frames
    first = releases[-1]
    assert first is not None and first.frame is not None and first.frame.chunk.index == 0 and first.position == 0


def test_picture_and_voice_of_one_release_belong_to_one_frame() -> None:
    playout, counts = a_playout(0)
    for index in range(10):
        playout.add(playable(index))
        release = playout.release()
        assert release is not None
        assert (release.position, release.picture[0, 0], release.voice[0]) == (index, index, index)
    assert counts.frames_released == counts.frames_rendered == 10


def test_when_none_is_ready_the_picture_stands_and_the_voice_pauses_and_nothing_is_lost() -> None:
    playout, counts = a_playout(0)
    playout.add(playable(0))
    playout.release()
    for _ in range(3):
        release = playout.release()
        assert release is not None and release.frame is None
        assert release.picture[0, 0] == 0 and not release.voice.any()
    playout.add(playable(1))
    release = playout.release()
    assert release is not None and release.voice[0] == 1 and release.position == 4
    assert counts.frames_repeated == 3 and counts.frames_dropped == 0


def test_only_a_quiet_frame_that_is_followed_by_another_is_dropped_when_asked() -> None:
    playout, counts = a_playout(0)
    assert not playout.drop_quiet()
    for index, voice in enumerate((QUIET, QUIET, LOUD, QUIET, QUIET)):
        playout.add(playable(index, voice))
    playout.release()
    assert playout.next_index == 1
    assert playout.drop_quiet() and not playout.drop_quiet(), "the next one is loud"
    for _ in range(2):
        playout.release()
    assert not playout.drop_quiet(), "there is no other"
    assert playout.next_index == 4 and counts.frames_dropped == 1


def test_bursts_of_five_are_not_taken_for_a_delay() -> None:
    playout, counts = a_playout(2)
    for tick in range(1000):
        if tick % 5 == 0:
            for index in range(tick, tick + 5):
                playout.add(playable(index, QUIET))
        playout.release()
    assert counts.frames_dropped == counts.frames_repeated == 0


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    playout, counts = a_playout(0, most_frames=20)
    for index in range(1000):
        playout.add(playable(index))
    assert playout.ready_frames == 20 and counts.frames_dropped == 980
    release = playout.release()
    assert release is not None and release.voice[0] == 980


class BeatOver(Exception):  # noqa: N818 - it is no error
    """Ends a beat."""


async def test_after_an_hour_sound_and_picture_have_not_drifted_by_a_sample() -> None:
    """The beat on a fake clock, uneven rendering, underruns and catching up included."""
    clock, counts = FakeClock(), SessionCounts()
    playout = Playout(PlayoutSettings(), counts)
    rng = np.random.default_rng(0)
    sent_pictures: list[tuple[float, int]] = []
    sent_samples: list[tuple[float, int]] = []
    rendered = 0
    ticks = 0
    stalled_until = 0
    current = None

    def tick() -> None:
        nonlocal rendered, ticks, stalled_until, current
        current = playout.release()
        if current is not None:
            sent_pictures.append((clock.now_s(), current.position))
            sent_samples.append((clock.now_s(), current.position * VOICE_SAMPLES_PER_FRAME))
            if current.frame is not None:
                index = current.frame.chunk.index
                assert (current.picture[0, 0], current.voice[0]) == (index % 250, index % 30_000)
        ticks += 1
        # Bursts of five, and now and then nothing for up to a second.
        if rng.random() < 0.002:
            stalled_until = ticks + int(rng.integers(1, 25))
        for index in range(rendered, ticks // 5 * 5 if ticks > stalled_until else 0):
            playout.add(playable(index, QUIET if index % 3 else LOUD))
            rendered += 1
        if ticks == 90_000:
            raise BeatOver

    def half_tick() -> None:
        if current is not None:
            sent_samples.append((clock.now_s(), current.position * VOICE_SAMPLES_PER_FRAME + PACKET_SAMPLES))

    with pytest.raises(BeatOver):
        await Conductor(clock, tick, half_tick, counts).run()
    assert len(sent_pictures) > 89_980
    began_s = sent_pictures[0][0]
    for at_s, position in (sent_pictures[0], sent_pictures[-1]):
        assert at_s - began_s == pytest.approx(position / 25, abs=1e-6)
    picture_samples = (sent_pictures[-1][1] + 1) * VOICE_SAMPLES_PER_FRAME
    voice_samples = sent_samples[-1][1] + PACKET_SAMPLES if len(sent_samples) % 2 == 0 else sent_samples[-1][1] + 1920
    assert picture_samples - voice_samples == 0
    assert sent_samples[-1][0] - began_s == pytest.approx(sent_samples[-1][1] / 48_000, abs=1e-6)
    assert counts.frames_repeated > 0, "the hour was uneven"
    assert counts.frames_rendered == counts.frames_released + counts.frames_dropped + playout.ready_frames


async def test_the_beat_makes_up_for_a_short_delay_and_goes_on_from_now_after_a_long_one() -> None:
    clock, counts = FakeClock(), SessionCounts()
    beats: list[float] = []

    def tick() -> None:
        beats.append(round(clock.now_s() - 1000, 3))
        if len(beats) == 3:
            clock.time_s += 0.1  # a busy loop
        if len(beats) == 20:
            clock.time_s += 60  # a sleeping machine
        if len(beats) == 23:
            raise BeatOver

    with pytest.raises(BeatOver):
        await Conductor(clock, tick, lambda: None, counts).run()
    assert beats[:3] == [0.0, 0.04, 0.08]
    assert beats[3:5] == [0.18, 0.18], "late ticks follow at once"
    assert beats[5] == 0.2
    assert counts.ticks_skipped == pytest.approx(1500, abs=1)
    assert beats[20] == pytest.approx(beats[19] + 60, abs=0.05)
    assert beats[21:] == pytest.approx([beats[20] + 0.035, beats[20] + 0.075], abs=0.01)
