"""A session's pacing on a time that is only counted: a microphone, an engine and a beat, all scripted."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from contract.packets import VOICE_SAMPLES_PER_FRAME, Int16Array
from server.audio_ingest import AudioIngest, IngestSettings
from server.pacing import Pacing, PacingSettings
from server.playout import PlayableFrame, Playout, PlayoutSettings
from server.session_counts import SessionCounts

PACKET = 960
TICK_S = 0.04
PICTURE = np.zeros((6, 4), np.uint8)


@dataclass(frozen=True)
class EngineScript:
    """What windows and frames cost; stalls are (from, to) in which nothing is done."""

    hop_frames: int = 5
    lookahead_frames: int = 4
    window_s: float = 0.02
    frame_s: float = 0.016
    stalls: tuple[tuple[float, float], ...] = ()
    slow_from_s: float = 1e9
    slow_to_s: float = 1e9
    slow_factor: float = 1.0


class ScriptedEngine:
    """One stream on its thread: chunks wait, windows fill, frames are finished one by one."""

    def __init__(self, script: EngineScript) -> None:
        self.script = script
        self.pending: deque = deque()
        self._held: list = []
        self._finishing: deque = deque()
        self._free_s = 0.0

    def submit(self, chunk, now_s: float) -> None:
        self.pending.append((chunk, now_s))

    def _spend(self, begin_s: float, cost_s: float) -> float:
        script = self.script
        slow = script.slow_from_s <= begin_s < script.slow_to_s
        end_s = begin_s + cost_s * (script.slow_factor if slow else 1.0)
        for first_s, last_s in script.stalls:
            if begin_s < last_s and end_s > first_s:
                end_s += last_s - max(first_s, begin_s)
        return end_s

    def finished(self, now_s: float) -> list[PlayableFrame]:
        script = self.script
        while self.pending:
            begin_s = max(self._free_s, self.pending[0][1])
            if begin_s > now_s:
                break
            self._held.append(self.pending.popleft()[0])
            self._free_s = self._spend(begin_s, 0.0002)
            if len(self._held) >= script.hop_frames + script.lookahead_frames:
                self._free_s = self._spend(self._free_s, script.window_s)
                for chunk in self._held[: script.hop_frames]:
                    self._free_s = self._spend(self._free_s, script.frame_s)
                    self._finishing.append(PlayableFrame(chunk, PICTURE, self._free_s))
                del self._held[: script.hop_frames]
        done = []
        while self._finishing and self._finishing[0].rendered_at_s <= now_s:
            done.append(self._finishing.popleft())
        return done


@dataclass
class MicrophoneScript:
    """A peer: its clock's error, by how much each packet is late, and what it says."""

    ppm: float = 0.0
    delay_s: Callable[[int, float], float] | None = None
    voice: Callable[[int], Int16Array] | None = None


@dataclass
class Run:
    """What came of it, a row a tick."""

    counts: SessionCounts = field(default_factory=SessionCounts)
    at_s: list[float] = field(default_factory=list)
    delay_s: list[float] = field(default_factory=list)  # captured to released; NaN where the picture stood
    voices: list[Int16Array] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    voice_samples: int = 0

    def delay_between(self, from_s: float, to_s: float) -> np.ndarray:
        at_s, delay_s = np.array(self.at_s), np.array(self.delay_s)
        chosen = delay_s[(at_s >= from_s) & (at_s < to_s)]
        return chosen[~np.isnan(chosen)]


def tone_packet(number: int) -> Int16Array:
    """A voice of 400 Hz without a pause; eight periods a packet."""
    return _TONE


_TONE = (8000 * np.sin(2 * np.pi * 400 * np.arange(PACKET) / 48_000)).astype(np.int16)


def run(
    seconds: float,
    engine_script: EngineScript | None = None,
    microphone: MicrophoneScript | None = None,
    cushion_frames: int = 1,
    loop_stalls: tuple[tuple[float, float], ...] = (),
    keep_voices: bool = False,
) -> Run:
    """A call of so many seconds; every tick is held to the balances of samples and frames."""
    script, microphone = engine_script or EngineScript(), microphone or MicrophoneScript()
    result, engine = Run(), ScriptedEngine(script)
    counts = result.counts
    ingest = AudioIngest(IngestSettings(), counts)
    playout = Playout(PlayoutSettings(cushion_frames=cushion_frames), counts)
    delay_frames = script.hop_frames + script.lookahead_frames - 1
    pacing = Pacing(PacingSettings(delay_frames), ingest, playout, counts)
    say = microphone.voice or tone_packet
    packet_s = 0.02 / (1 + microphone.ppm * 1e-6)
    number, latest_s = 0, 0.0
    frames: dict[int, av.AudioFrame] = {}
    for tick in range(round(seconds / TICK_S)):
        now_s = tick * TICK_S
        if any(first_s <= now_s < last_s for first_s, last_s in loop_stalls):
            continue
        while True:
            spoken_s = 0.007 + (number + 1) * packet_s
            late_s = microphone.delay_s(number, spoken_s) if microphone.delay_s else 0.0
            arrived_s = max(latest_s, spoken_s + late_s)
            if arrived_s > now_s:
                break
            latest_s = arrived_s
            voice = say(number)
            frame = frames.get(id(voice))
            if frame is None:
                frame = av.AudioFrame.from_ndarray(np.repeat(voice, 2)[None, :], format="s16", layout="stereo")
                frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
                if voice is _TONE:
                    frames[id(voice)] = frame
            frame.pts = number * PACKET
            # A stalled loop reads what came meanwhile when it is back.
            read_s = next((last for first, last in loop_stalls if first <= arrived_s < last), arrived_s)
            ingest.feed(frame, read_s)
            number += 1
        for frame_done in engine.finished(now_s):
            playout.add(frame_done)
        release = pacing.release(now_s)
        if release is not None:
            result.at_s.append(now_s)
            chunk = release.frame.chunk if release.frame else None
            result.delay_s.append(now_s - chunk.captured_at_s if chunk else float("nan"))
            result.positions.append(release.position)
            result.indexes.append(chunk.index if chunk else -1)
            result.voice_samples += len(release.voice)
            if keep_voices:
                result.voices.append(release.voice)
        num_pending = len(engine.pending)
        for chunk_in in (pacing.take_once_more(num_pending, now_s), pacing.take(num_pending, now_s)):
            if chunk_in is not None:
                engine.submit(chunk_in, now_s)
        result.pending.append(len(engine.pending))
        check_balance(counts, ingest, playout, pacing)
    return result


def check_balance(counts: SessionCounts, ingest: AudioIngest, playout: Playout, pacing: Pacing) -> None:
    """Every sample that came in or was made up is somewhere; so is every frame."""
    came = (
        counts.voice_samples_received
        + counts.voice_samples_lost
        + counts.voice_samples_stretched
        + counts.voice_samples_missing
        + counts.voice_samples_idle
        + counts.voice_samples_repeated
    )
    went = (
        VOICE_SAMPLES_PER_FRAME * ingest.next_index
        + ingest.waiting_samples
        + counts.voice_samples_dropped
        + counts.voice_samples_squeezed
        + counts.voice_samples_trimmed
        + counts.voice_samples_hurried
    )
    assert came == went, f"{came} samples came, {went} are told of"
    assert ingest.next_index == counts.frames_released + counts.frames_dropped + pacing.frames_on_their_way
