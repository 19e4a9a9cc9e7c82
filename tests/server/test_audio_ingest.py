"""The buffer between the peer's clock and ours."""

from fractions import Fraction

import av
import numpy as np
import pytest

from contract.errors import IngestError
from contract.packets import Int16Array
from server.audio_ingest import AudioIngest, IngestSettings
from server.model_voice import ModelVoice
from server.session_counts import SessionCounts
from server.voice_splice import FADE_SAMPLES

PACKET = 960
CUSHION = 960


def packet(samples: Int16Array, pts: int | None, layout: str = "stereo", rate_hz: int = 48000) -> av.AudioFrame:
    """A decoded packet with the same sound in each of its channels."""
    repeated = np.repeat(samples, 2 if layout == "stereo" else 1)[None, :]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(repeated), format="s16", layout=layout)
    frame.sample_rate = rate_hz
    if pts is not None:
        frame.pts, frame.time_base = pts, Fraction(1, rate_hz)
    return frame


def tone(num_samples: int, first: int = 0) -> Int16Array:
    """A 220 Hz tone, as loud as speech."""
    at = np.arange(first, first + num_samples)
    return (8000 * np.sin(2 * np.pi * 220 * at / 48000)).astype(np.int16)


class Bench:
    """An ingest, its counts, and a peer that sends one tone."""

    def __init__(self, **settings: int) -> None:
        self.counts = SessionCounts()
        self.ingest = AudioIngest(IngestSettings(**{"cushion_samples": CUSHION, **settings}), self.counts)
        self.sent = 0
        self.now_s = 0.0

    def send(self, num_packets: int = 1) -> None:
        for _ in range(num_packets):
            self.ingest.feed(packet(tone(PACKET, self.sent), self.sent), self.now_s)
            self.sent += PACKET

    def lose(self, num_packets: int = 1) -> None:
        self.sent += num_packets * PACKET

    def take(self) -> Int16Array:
        self.now_s += 0.04
        return self.ingest.take(self.now_s).voice


def test_a_steady_peer_comes_out_sample_by_sample_and_uncorrected() -> None:
    bench = Bench(cushion_samples=2 * PACKET)
    heard = []
    for _ in range(200):
        bench.send(2)
        heard.append(bench.take())
    voice = np.concatenate(heard)
    begin = int(np.flatnonzero(voice)[0]) - 1
    assert begin + 1 <= 2 * 1920, "the cushion fills within two ticks"
    assert np.array_equal(voice[begin:], tone(len(voice) - begin))
    assert bench.counts == SessionCounts(
        voice_samples_received=400 * PACKET, voice_samples_idle=begin + 1 - (begin + 1) % 1920
    )


def test_chunks_are_numbered_without_gaps_and_silent_while_nothing_comes() -> None:
    ingest = AudioIngest(IngestSettings(), SessionCounts())
    chunks = [ingest.take(float(i)) for i in range(50)]
    assert [chunk.index for chunk in chunks] == list(range(50))
    assert not any(chunk.voice.any() or chunk.pcm.any() for chunk in chunks)
    assert [chunk.captured_at_s for chunk in chunks] == [float(i) for i in range(50)]


def test_a_chunk_knows_when_its_last_sample_came() -> None:
    bench = Bench(cushion_samples=0)
    for i in range(4):
        bench.now_s = 10.0 + i
        bench.send()
    assert bench.ingest.take(20.0).captured_at_s == 11.0
    assert bench.ingest.take(20.0).captured_at_s == 13.0


def test_lost_packets_become_silence_of_their_length() -> None:
    bench = Bench()
    bench.send(4)
    bench.lose(2)
    bench.send(2)
    voice = np.concatenate([bench.take() for _ in range(4)])
    expected = tone(8 * PACKET)
    expected[4 * PACKET : 6 * PACKET] = 0
    assert np.array_equal(voice[: 8 * PACKET - 1920], expected[: 8 * PACKET - 1920])
    assert bench.counts.voice_samples_lost == 2 * PACKET


def test_a_gap_already_filled_at_the_tick_is_not_filled_twice() -> None:
    bench = Bench()
    bench.send(4)
    for _ in range(3):
        bench.take()  # 3840 sent, 5760 taken: 1920 are missing
    assert bench.counts.voice_samples_missing == 1920
    bench.lose(2)
    bench.send(4)
    assert bench.counts.voice_samples_lost == 0
    assert bench.ingest.waiting_samples == 4 * PACKET


def test_a_microphone_that_pauses_and_returns_is_waited_for_and_not_filled_up() -> None:
    bench = Bench()
    bench.send(4)
    for _ in range(100):
        bench.take()
    bench.lose(196)
    bench.send(1)
    assert not bench.take().any(), "one packet does not fill the cushion"
    bench.send(3)
    assert bench.take().any()
    assert bench.counts.voice_samples_lost == 0


def test_a_quiet_chunk_is_given_a_second_time_backwards_and_a_loud_one_is_not() -> None:
    bench = Bench()
    bench.send(6)
    bench.take()
    assert bench.ingest.repeat_quiet(bench.now_s) is None
    for _ in range(4):
        bench.ingest.feed(packet(tone(PACKET, bench.sent) // 100, bench.sent), bench.now_s)
        bench.sent += PACKET
    while abs(last := bench.take()).max() > 100:
        pass
    again = bench.ingest.repeat_quiet(bench.now_s)
    assert again is not None and again.index == bench.ingest.next_index - 1
    assert np.array_equal(again.voice, last[::-1])
    assert bench.counts.voice_samples_repeated == 1920


def test_what_was_interrupted_is_not_given_again() -> None:
    bench = Bench()
    for _ in range(6):
        bench.ingest.feed(packet(tone(PACKET, bench.sent) // 100, bench.sent), bench.now_s)
        bench.sent += PACKET
    assert bench.take().any()
    bench.ingest.interrupt(1)
    again = bench.ingest.repeat_quiet(bench.now_s)
    assert again is not None and not again.voice.any() and again.epoch == 1


@pytest.mark.parametrize("ppm", [-500, 500])
def test_a_peer_whose_clock_drifts_stays_within_the_buffer_for_four_minutes(ppm: int) -> None:
    bench = Bench()
    levels = []
    for tick in range(6_000):
        while bench.sent < (tick + 2) * 1920 * (1 + ppm * 1e-6):
            bench.send()
        bench.take()
        levels.append(bench.ingest.waiting_samples)
    drift = 6_000 * 1920 * ppm * 1e-6
    corrected = bench.counts.voice_samples_squeezed - bench.counts.voice_samples_stretched
    assert abs(corrected - drift) < 3 * 1920
    assert max(levels[100:]) < 4 * 1920
    assert bench.counts.voice_samples_missing == bench.counts.voice_samples_dropped == 0


def test_loud_sound_is_squeezed_by_a_millisecond_at_a_time_without_a_click() -> None:
    bench = Bench()
    bench.send(9)
    heard = []
    for _ in range(60):
        bench.send(2)
        heard.append(bench.take())
    voice = np.concatenate(heard)
    assert 0 < bench.counts.voice_samples_squeezed <= 48 * 35
    steepest = np.abs(np.diff(tone(48_000).astype(int))).max()
    assert np.abs(np.diff(voice.astype(int))).max() <= 1.2 * steepest


def test_beyond_its_bound_the_oldest_sound_goes() -> None:
    bench = Bench(most_samples=14_400)
    bench.send(500)
    assert bench.ingest.waiting_samples <= 14_400
    waiting = bench.ingest.waiting_samples
    assert bench.counts.voice_samples_dropped == 500 * PACKET - waiting
    expected = tone(1920, 500 * PACKET - waiting)
    assert np.array_equal(bench.take()[FADE_SAMPLES:], expected[FADE_SAMPLES:])


@pytest.mark.parametrize(("layout", "rate_hz"), [("mono", 8000), ("mono", 16000), ("mono", 48000), ("stereo", 44100)])
def test_other_forms_of_sound_become_the_same_tone(layout: str, rate_hz: int) -> None:
    ingest = AudioIngest(IngestSettings(cushion_samples=0, most_samples=96_000), SessionCounts())
    step = rate_hz // 50
    at = np.arange(rate_hz)
    sound = (8000 * np.sin(2 * np.pi * 220 * at / rate_hz)).astype(np.int16)
    for first in range(0, rate_hz, step):
        ingest.feed(packet(sound[first : first + step], first, layout, rate_hz), 0.0)
    assert abs(ingest.waiting_samples - 48_000) < 200
    voice = np.concatenate([ingest.take(0.0).voice for _ in range(24)])
    spectrum = np.abs(np.fft.rfft(voice[4800:43200].astype(float)))
    assert abs(int(spectrum.argmax()) - 220 * 0.8) <= 1


def test_the_model_hears_the_same_sound_a_millisecond_later() -> None:
    voice = ModelVoice()
    at = np.arange(48_000)
    sound = (16_000 * np.sin(2 * np.pi * 300 * at / 48_000)).astype(np.int16)
    pcm = np.concatenate([voice.push(sound[i : i + 1920]) for i in range(0, 48_000, 1920)])
    assert pcm.shape == (16_000,)
    expected = 16_000 / 32_768 * np.sin(2 * np.pi * 300 * (np.arange(16_000) / 16_000 - 0.001))
    assert np.abs(pcm[800:] - expected[800:]).max() < 0.02


def test_a_change_of_form_in_the_middle_is_refused_with_its_name() -> None:
    ingest = AudioIngest(IngestSettings(), SessionCounts())
    ingest.feed(packet(tone(160), 0, "mono", 8000), 0.0)
    with pytest.raises(IngestError, match="44100 Hz"):
        ingest.feed(packet(tone(882), 0, "mono", 44100), 0.0)
