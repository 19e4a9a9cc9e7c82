"""The other end of the call.

In: a checked offer, later candidates; released pictures and voice for the two tracks. Out: the answer, the
microphone's sound, messages of the `events` channel, and word of the peer's coming and going.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import av
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtptransceiver import RTCRtpTransceiver

from contract.errors import NegotiationError
from server.aiortc_patches import code_voice_at_once, decode_voice_at_once, pass_audio_through
from server.media_tracks import PictureTrack, VoiceTrack
from server.offer import MOST_CANDIDATES, PARSE_ERRORS, Offer, TrickleFragment

EVENTS_LABEL = "events"
MOST_MESSAGE_BYTES = 4096
MOST_UNSENT_BYTES = 64 * 1024
PATIENCE_S = 1.0
REFUSALS = (*PARSE_ERRORS, InvalidAccessError, InvalidStateError, OperationError)


@dataclass(frozen=True, slots=True)
class PeerEvents:
    """Whom to tell. All are called on the event loop.

    on_connected: media can flow
    on_gone: the connection ended, and how
    on_sound: the microphone's next frame
    on_message: a text from the `events` channel
    on_failure: the microphone can't be read any more
    """

    on_connected: Callable[[], None]
    on_gone: Callable[[str], None]
    on_sound: Callable[[av.AudioFrame], None]
    on_message: Callable[[str], None]
    on_failure: Callable[[BaseException], None]


NOBODY = PeerEvents(lambda: None, lambda reason: None, lambda frame: None, lambda text: None, lambda error: None)


class Peer:
    """One peer connection, answered once."""

    def __init__(self, ice_servers: tuple[str, ...], events: PeerEvents) -> None:
        # With the tighter policy an answering aiortc forgets the offer's candidates; everything is bundled anyway.
        configuration = RTCConfiguration(
            iceServers=[RTCIceServer(url) for url in ice_servers], bundlePolicy=RTCBundlePolicy.BALANCED
        )
        self._connection = RTCPeerConnection(configuration)
        self._events = events
        self._channel: RTCDataChannel | None = None
        self._microphone: asyncio.Task[None] | None = None
        self._num_added = 0
        self._is_closing = False
        self._patience: asyncio.TimerHandle | None = None
        self.voice = VoiceTrack()
        self.pictures = PictureTrack()
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("track", self._on_track)
        self._connection.on("datachannel", self._on_channel)

    async def answer(self, offer: Offer) -> str:
        """The answer's SDP, with all of our candidates; raises NegotiationError where the offer can't be met."""
        try:
            if offer.has_video:
                # Made before the offer is read, since only then are its preferences heard.
                self._connection.addTransceiver("video", "sendonly").setCodecPreferences(_vp8_first())
            await self._connection.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
            for transceiver in self._connection.getTransceivers():
                self._direct(transceiver, offer)
            await self._connection.setLocalDescription()
        except REFUSALS as error:
            raise NegotiationError(f"the offer can't be answered: {error or type(error).__name__}") from error
        return self._connection.localDescription.sdp

    async def add(self, fragment: TrickleFragment) -> None:
        """Try more ways to the peer; raises NegotiationError where an address is none, or too many came."""
        self._num_added += len(fragment.candidates)
        if self._num_added > MOST_CANDIDATES:
            raise NegotiationError(f"{self._num_added} candidates came later, expected at most {MOST_CANDIDATES}")
        for candidate in fragment.candidates:
            try:
                await self._connection.addIceCandidate(candidate)
            except ValueError as error:
                raise NegotiationError(f"candidate {candidate.ip!r} can't be used: {error}") from error

    def send(self, message: str) -> None:
        """Send a text on the `events` channel; dropped where there is none or it is choked."""
        channel = self._channel
        if channel is not None and channel.readyState == "open" and channel.bufferedAmount < MOST_UNSENT_BYTES:
            channel.send(message)

    async def close(self) -> None:
        """Hang up and release everything."""
        self._is_closing = True
        if self._patience is not None:
            self._patience.cancel()
        if self._microphone is not None:
            self._microphone.cancel()
            await asyncio.gather(self._microphone, return_exceptions=True)
        self.voice.stop()
        self.pictures.stop()
        if self._channel is not None:
            self._channel.remove_all_listeners()
        await self._connection.close()
        # The connection is a web of cycles: what it still points to would live until the next full collection.
        self._events = NOBODY

    def _direct(self, transceiver: RTCRtpTransceiver, offer: Offer) -> None:
        """Send what the peer wants of this kind; take its voice and nothing else."""
        if transceiver.kind == "video":
            wanted, taken = offer.wants_picture, False
        else:
            wanted, taken = offer.wants_voice, offer.sends_voice
            pass_audio_through(transceiver.receiver)
            decode_voice_at_once(transceiver.receiver)
            code_voice_at_once(transceiver.sender)
        if wanted:
            track: MediaStreamTrack = self.pictures if transceiver.kind == "video" else self.voice
            track.on("ended", self._on_track_ended)
            transceiver.sender.replaceTrack(track)
        names = {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}
        transceiver.direction = names.get((wanted, taken), "inactive")

    def _on_state(self) -> None:
        state = self._connection.connectionState
        if self._is_closing:
            return
        if state == "connected":
            self._events.on_connected()
        elif state in ("failed", "closed"):
            self._events.on_gone(state)

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._microphone is None:
            self._microphone = asyncio.get_running_loop().create_task(self._listen(track))
            self._microphone.add_done_callback(self._on_microphone_ended)

    def _on_microphone_ended(self, listening: asyncio.Task[None]) -> None:
        error = None if listening.cancelled() else listening.exception()
        if error is not None and not self._is_closing:
            self._events.on_failure(error)

    def _on_track_ended(self) -> None:
        # A sender that stops by itself never starts again, while the connection looks healthy. Most often it stops
        # because the peer hung up, which the connection says a moment later.
        if not self._is_closing and self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._on_sender_stopped)

    def _on_sender_stopped(self) -> None:
        if not self._is_closing:
            self._events.on_gone("sender stopped")

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == EVENTS_LABEL and self._channel is None:
            self._channel = channel
            channel.on("message", self._on_message)

    def _on_message(self, message: str | bytes) -> None:
        if isinstance(message, str) and len(message) <= MOST_MESSAGE_BYTES:
            self._events.on_message(message)

    async def _listen(self, track: MediaStreamTrack) -> None:
        """Read always: what is not read piles up."""
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, av.AudioFrame):
                self._events.on_sound(frame)


def _vp8_first() -> list[RTCRtpCodecCapability]:
    """aiortc takes the offer's first codec, and its H.264 costs six times what our VP8 does."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return sorted(codecs, key=lambda codec: codec.mimeType != "video/VP8")
