"""What a peer asks for, read from its SDP and checked once, before anything is opened for it.

In: the text of an offer, or of a trickle fragment (RFC 8840). Out: a cleaned offer and its plan, or candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp

from contract.errors import NegotiationError

# What aiortc's parser raises on text that is no SDP.
PARSE_ERRORS = (ValueError, AssertionError, IndexError, KeyError, TypeError, AttributeError, StopIteration)
VIDEO_CODECS = ("VP8", "H264")
AUDIO_CODECS = ("opus", "PCMU", "PCMA", "G722")
# Of one transport. Each is tried from each of our addresses, and none is ever forgotten.
MOST_CANDIDATES = 100
MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Offer:
    """A checked offer.

    sdp: without candidates that can't be reached
    ufrag: the peer's, by which a trickle fragment is known
    sends_voice: a microphone is offered
    has_video: there is a section for pictures
    wants_voice, wants_picture: what the peer will play
    bundle_mid: the media section whose transport carries everything
    """

    sdp: str
    ufrag: str
    has_video: bool
    sends_voice: bool
    wants_voice: bool
    wants_picture: bool
    bundle_mid: str


@dataclass(frozen=True, slots=True)
class TrickleFragment:
    """Candidates that came after the offer; ufrag is None where the fragment names none."""

    ufrag: str | None
    candidates: tuple[RTCIceCandidate, ...]


def read_offer(text: str) -> Offer:
    """Check an offer; raises NegotiationError saying what is wrong with it."""
    if not text.lstrip().startswith("v=0"):
        raise NegotiationError(f"the offer begins with {text[:20]!r}, expected SDP, which begins with 'v=0'")
    sdp = _without_unreachable(text)
    try:
        parsed = SessionDescription.parse(sdp)
    except PARSE_ERRORS as error:
        raise NegotiationError(f"the offer is not SDP that can be read: {error or type(error).__name__}") from error
    kinds = [media.kind for media in parsed.media]
    if unknown := sorted(set(kinds) - {"audio", "video", "application"}):
        raise NegotiationError(f"the offer has media of kind {unknown}, expected audio, video and application")
    if not {"audio", "video"} & set(kinds):
        raise NegotiationError(f"the offer has media {kinds or 'none'}, expected audio or video")
    if doubled := sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        raise NegotiationError(f"the offer has more than one section of {doubled}, expected one each")
    ufrag = _check_transport(parsed)
    audio = next((media for media in parsed.media if media.kind == "audio"), None)
    video = next((media for media in parsed.media if media.kind == "video"), None)
    _check_codecs(audio, AUDIO_CODECS)
    _check_codecs(video, VIDEO_CODECS)
    offer = Offer(
        sdp=sdp,
        ufrag=ufrag,
        has_video=video is not None,
        sends_voice=audio is not None and audio.direction in ("sendrecv", "sendonly"),
        wants_voice=audio is not None and audio.direction in ("sendrecv", "recvonly"),
        wants_picture=video is not None and video.direction in ("sendrecv", "recvonly"),
        bundle_mid=_bundle_mid(parsed),
    )
    if not (offer.wants_voice or offer.wants_picture):
        directions = {media.kind: media.direction for media in (audio, video) if media is not None}
        raise NegotiationError(f"the offer would play nothing ({directions}), expected recvonly or sendrecv in one")
    return offer


def read_fragment(text: str, bundle_mid: str) -> TrickleFragment:
    """Read a trickle fragment; what can't be reached is left out. Raises NegotiationError where it can't be read."""
    ufrag: str | None = None
    candidates = []
    for line in _without_unreachable(text).splitlines():
        if line.startswith("a=ice-ufrag:"):
            ufrag = line.partition(":")[2].strip()
        elif line.startswith("a=candidate:"):
            try:
                candidate = candidate_from_sdp(line.partition(":")[2])
            except PARSE_ERRORS as error:
                raise NegotiationError(f"{line!r} is not a candidate: {error or type(error).__name__}") from error
            candidate.sdpMid = bundle_mid
            candidates.append(candidate)
        elif line and line[1:2] != "=":
            raise NegotiationError(f"the fragment holds {line[:40]!r}, expected lines of SDP")
    _check_candidates(candidates)
    return TrickleFragment(ufrag, tuple(candidates))


def _without_unreachable(text: str) -> str:
    """Without mDNS candidates and the end of candidates.

    Resolving an mDNS name holds the answer up for a second and rarely helps: the peer's own checks reveal its address.
    For that they must be waited for, which the end of candidates would forbid.
    """
    lines = [line.rstrip("\r") for line in text.strip().split("\n")]
    kept = [line for line in lines if not _is_unreachable(line) and line != "a=end-of-candidates"]
    return "\r\n".join(kept) + "\r\n"


def _is_unreachable(line: str) -> bool:
    if not line.startswith("a=candidate:"):
        return False
    words = line.split()
    return len(words) > 4 and (words[4].lower().endswith(".local") or words[2].lower() != "udp")


def _check_transport(parsed: SessionDescription) -> str:
    """The first section's ufrag, once every section can be connected."""
    mids = [media.rtp.muxId for media in parsed.media]
    if not all(mids) or len(set(mids)) != len(mids):
        raise NegotiationError(f"the offer's media have mids {mids}, expected each its own")
    for media in parsed.media:
        _check_candidates(media.ice_candidates)
        if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
            raise NegotiationError(f"{media.kind} has no ice-ufrag and ice-pwd, expected both")
        if media.dtls is None or not media.dtls.fingerprints:
            raise NegotiationError(f"{media.kind} has no fingerprint, expected one: media are sent encrypted only")
        if media.kind != "application" and not media.rtcp_mux:
            raise NegotiationError(f"{media.kind} has no rtcp-mux, expected it")
    for group in parsed.group:
        if group.semantic == "BUNDLE" and (unknown := sorted({str(item) for item in group.items} - set(mids))):
            raise NegotiationError(f"the offer bundles {unknown}, expected mids of its media {mids}")
    first = parsed.media[0].ice
    assert first is not None and first.usernameFragment is not None, "checked above"
    return first.usernameFragment


def _check_candidates(candidates: Sequence[RTCIceCandidate]) -> None:
    if len(candidates) > MOST_CANDIDATES:
        raise NegotiationError(f"{len(candidates)} candidates, expected at most {MOST_CANDIDATES}")
    for candidate in candidates:
        if not 0 < candidate.port <= MOST_PORT:
            raise NegotiationError(f"candidate {candidate.ip} has port {candidate.port}, expected 1 to {MOST_PORT}")


def _check_codecs(media: MediaDescription | None, known: tuple[str, ...]) -> None:
    if media is None:
        return
    offered = sorted({codec.name for codec in media.rtp.codecs})
    if not {name.lower() for name in offered} & {name.lower() for name in known}:
        raise NegotiationError(f"{media.kind} is offered as {offered or 'nothing'}, expected one of {list(known)}")


def _bundle_mid(parsed: SessionDescription) -> str:
    for group in parsed.group:
        if group.semantic == "BUNDLE" and group.items:
            return str(group.items[0])
    return str(parsed.media[0].rtp.muxId)
