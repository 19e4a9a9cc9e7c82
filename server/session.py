"""One call, from the answered offer to the last trace of it.

In: the peer's sound and wishes. Out: at every tick of its beat one frame to the peer, one chunk to the avatar.

    peer -> audio_ingest -> render_worker -> playout -> peer
                  \\________ conductor _________/

The beat starts when the peer is connected. The session ends when the peer is gone, hangs up, or never came; then
nothing of it is left: no task, no lane, no socket.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import av
import numpy as np

from contract.errors import ConfigError, FloatAvatarError, SessionNotFoundError
from contract.packets import VOICE_RATE_HZ, VOICE_SAMPLES_PER_FRAME
from pipeline.portrait import Portrait
from server.asked_expression import AskedExpression
from server.audio_ingest import AudioIngest, IngestSettings
from server.conductor import Conductor
from server.interruption import Interruption
from server.media_tracks import PACKET_SAMPLES
from server.offer import Offer, TrickleFragment
from server.pacing import Pacing, PacingSettings
from server.peer import Peer, PeerEvents
from server.playout import Playout, PlayoutSettings, Release
from server.render_lane import RenderedFrame, RenderLane
from server.server_parts import ServerParts
from server.session_counts import SessionCounts
from server.session_measures import SessionMeasures

REPORT_INTERVAL_S = 1.0
log = logging.getLogger(__name__)


class Session:
    """One call."""

    def __init__(self, session_id: str, parts: ServerParts, on_closed: Callable[[str], None]) -> None:
        config = parts.config
        self.session_id = session_id
        self.ufrag = ""
        self.counts = SessionCounts()
        self.asked = AskedExpression()
        self._parts = parts
        self._on_closed = on_closed
        self._bundle_mid = ""
        self._measures = SessionMeasures(parts.metrics, parts.clock)
        self._connected_at_s: float | None = None
        self._release: Release | None = None  # whose second half is still to be sent
        self._epoch = 0
        self._epoch_index = 0  # of the first chunk that may hold sound of this epoch
        self._lane: RenderLane | None = None
        self._pacing: Pacing | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: asyncio.Task[None] | None = None
        cushion_samples = config.microphone_cushion_ms * VOICE_RATE_HZ // 1000
        self._ingest = AudioIngest(IngestSettings(cushion_samples=cushion_samples), self.counts)
        self._playout = Playout(PlayoutSettings(cushion_frames=config.cushion_frames), self.counts)
        self._peer = Peer(
            config.ice_servers,
            PeerEvents(self._on_connected, self._end, self._on_sound, self._on_message, self._fail),
        )

    @property
    def bundle_mid(self) -> str:
        """The media section that carries the transport."""
        return self._bundle_mid

    async def open(self, offer: Offer, portrait: Portrait, asked: AskedExpression) -> str:
        """Start the avatar and answer; raises NegotiationError or ConfigError, after which the session is closed."""
        parts = self._parts
        self.asked = asked
        self.ufrag, self._bundle_mid = offer.ufrag, offer.bundle_mid
        try:
            first = asked.expression(parts.config.emotion)
            settings = replace(parts.stream_settings, emotion=first.emotion, motion_edits=first.motion_edits)
            stream = await parts.worker.call(lambda: parts.avatar.start(portrait, settings))
            self._lane = parts.worker.open(stream, self._on_frame, self._on_failure)
            self._pacing = Pacing(PacingSettings(stream.delay_frames), self._ingest, self._playout, self.counts)
            self._start_task(self._give_up_waiting())
            return await self._peer.answer(offer)
        except BaseException:
            await self.close("refused")
            raise

    async def trickle(self, fragment: TrickleFragment) -> None:
        """Take later candidates."""
        await self._peer.add(fragment)

    def direct(self, patch: Any) -> None:
        """Change what is asked of the face and tell the peer; raises ConfigError, and changes nothing, where it can't.

        patch: as `AskedExpression.merged` takes it
        """
        asked = self.asked.merged(patch, self._parts.avatar.controls)
        assert self._lane is not None, "a session is told of after its lane is open"
        self._lane.direct(asked.expression(self._parts.config.emotion))
        self.asked = asked
        self._peer.send(json.dumps({"type": "expression", **asked.to_json()}))

    def interrupt(self) -> Interruption:
        """Drop all that was said and is not shown yet, and tell the peer; raises SessionNotFoundError after the end.

        Nothing waits in here: from the next packet on, nothing of the sound before is sent.
        """
        if self._closing is not None:
            raise SessionNotFoundError(f"the session {self.session_id} has ended")
        assert self._lane is not None, "a session is told of after its lane is open"
        self._epoch += 1
        samples_dropped = self._peer.voice.silence() + self._silence_half_tick()
        num_unsent, num_before = self._peer.pictures.take_back(), self.counts.frames_interrupted
        last_index = self._playout.interrupt(self._epoch, num_unsent)
        self._lane.interrupt(self._epoch, -1 if last_index is None else last_index)
        first = max(self._epoch_index, 0 if last_index is None else last_index + 1)
        self._epoch_index = self._ingest.next_index
        in_chunks = max(0, self._epoch_index - first) * VOICE_SAMPLES_PER_FRAME
        self.counts.interruptions += 1
        self.counts.frames_interrupted += num_unsent
        self.counts.voice_samples_interrupted += samples_dropped + in_chunks
        samples_dropped += in_chunks + self._ingest.interrupt(self._epoch)
        interruption = Interruption(
            self._epoch, last_index, self.counts.frames_interrupted - num_before, samples_dropped
        )
        self._peer.send(json.dumps({"type": "interrupted", **interruption.to_json()}))
        return interruption

    async def close(self, outcome: str) -> None:
        """End the session, if it has not ended; returns when nothing is left of it."""
        self._end(outcome)
        assert self._closing is not None, "ending starts the closing"
        await asyncio.shield(self._closing)

    def _end(self, outcome: str) -> None:
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(outcome))

    async def _close(self, outcome: str) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._lane is not None:
            self._lane.close()
        try:
            await self._peer.close()
        except Exception:
            # Whatever the network does, the place must be free again.
            log.exception("session %s could not hang up in good order", self.session_id)
        self._publish()
        self._parts.metrics.sessions.labels(outcome).inc()
        log.info("session %s ended (%s): %s", self.session_id, outcome, self.counts)
        self._on_closed(self.session_id)

    def _start_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(self._guarded(coroutine)))

    async def _guarded(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """The top of a session: what goes wrong in one ends that one."""
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001 - the session ends with it
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        is_known = isinstance(error, FloatAvatarError)
        log.error("session %s failed: %s", self.session_id, error, exc_info=None if is_known else error)
        self._tell_error(str(error) if is_known else "the session failed")
        self._end("failed")

    async def _give_up_waiting(self) -> None:
        await self._parts.clock.sleep_until(self._parts.clock.now_s() + self._parts.config.connect_timeout_s)
        if self._connected_at_s is None:
            self._end("never connected")

    def _on_connected(self) -> None:
        if self._connected_at_s is None and self._closing is None:
            self._connected_at_s = self._parts.clock.now_s()
            self._start_task(Conductor(self._parts.clock, self._tick, self._half_tick, self.counts).run())
            self._start_task(self._report())

    def _on_sound(self, frame: av.AudioFrame) -> None:
        self._ingest.feed(frame, self._parts.clock.now_s())

    def _on_frame(self, rendered: RenderedFrame) -> None:
        self._playout.add(rendered.frame)
        self._measures.rendered(rendered)

    def _on_failure(self, error: BaseException) -> None:
        self._tell_error(f"the avatar failed: {error}")
        self._end("failed")

    def _tell_error(self, detail: str) -> None:
        self._peer.send(json.dumps({"type": "error", "detail": detail}))

    def _tick(self) -> None:
        now_s = self._parts.clock.now_s()
        assert self._lane is not None and self._pacing is not None, "the beat starts after the lane is open"
        self._release = self._pacing.release(now_s)
        if self._release is not None:
            self._show(self._release, now_s)
            self._send_voice(self._release, 0)
            if self._release.frame is not None:
                assert self._connected_at_s is not None, "the beat starts when the peer is there"
                self._measures.released(self._release.position, self._release.frame, self._connected_at_s, now_s)
        if self._lane.has_room:
            num_pending = self._lane.pending_chunks
            for chunk in (self._pacing.take_once_more(num_pending, now_s), self._pacing.take(num_pending, now_s)):
                if chunk is not None:
                    self._lane.submit(chunk)

    def _show(self, release: Release, now_s: float) -> None:
        on_coded = self._measures.coding(release.position, now_s)
        self._peer.pictures.put(release.picture, release.position, on_coded)

    def _half_tick(self) -> None:
        if self._release is not None:
            self._send_voice(self._release, PACKET_SAMPLES)
            self._release = None

    def _silence_half_tick(self) -> int:
        """The samples of this tick that will be silence instead."""
        if self._release is None:
            return 0
        had_voice = self._release.frame is not None
        self._release = replace(self._release, voice=np.zeros_like(self._release.voice))
        return PACKET_SAMPLES if had_voice else 0

    def _send_voice(self, release: Release, offset: int) -> None:
        voice = release.voice[offset : offset + PACKET_SAMPLES]
        self._peer.voice.put(voice, release.position * VOICE_SAMPLES_PER_FRAME + offset)

    async def _report(self) -> None:
        """Once a second, tell the peer and Prometheus."""
        clock = self._parts.clock
        while True:
            await clock.sleep_until(clock.now_s() + REPORT_INTERVAL_S)
            self._publish()
            self._peer.send(json.dumps(self._statistics()))
            if rows := self._measures.take_trace():
                self._peer.send(json.dumps({"type": "trace", "frames": rows}))

    def _statistics(self) -> dict[str, object]:
        connected_at_s = self._connected_at_s or 0.0
        return {
            "type": "stats",
            "session_s": round(self._parts.clock.now_s() - connected_at_s, 1),
            **self._measures.take_stages(),
            "counts": self.counts.to_json(),
            "waiting": {
                "microphone_ms": round(1000 * self._ingest.waiting_samples / VOICE_RATE_HZ),
                "render_chunks": self._lane.pending_chunks if self._lane is not None else 0,
                "ready_frames": self._playout.ready_frames,
            },
        }

    def _publish(self) -> None:
        self.counts.pictures_unsent = self._peer.pictures.num_unsent
        self.counts.voice_packets_unsent = self._peer.voice.num_unsent
        self._measures.publish(self.counts)

    def _on_message(self, text: str) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._tell_error(f"{text[:40]!r}, expected a JSON object")
        elif message.get("type") == "ping":
            self._peer.send(json.dumps({"type": "pong", "t": message.get("t")}))
        elif message.get("type") == "trace":
            self._measures.trace()
        elif message.get("type") == "direct":
            try:
                self.direct({name: value for name, value in message.items() if name != "type"})
            except ConfigError as error:
                self._tell_error(str(error))
        elif message.get("type") == "interrupt" and self._closing is None:
            self.interrupt()
