"""What a session counts."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class SessionCounts:
    """Counts since the session began.

    frames_rendered: finished by the avatar
    frames_released: sent, picture and sound
    frames_repeated: ticks at which no new frame was there: the picture stood, the voice paused
    frames_dropped: frames thrown away unseen, with their sound, to catch up
    interruptions: times that the caller asked for silence
    frames_interrupted: finished frames thrown away unseen by them
    chunks_refused: ticks at which the avatar was too far behind to take more sound
    chunks_skipped: ticks without a chunk, to catch up: their sound was left out (trimmed, hurried) or none came
    ticks_skipped: ticks the process slept through
    voice_samples_received: what the microphone sent
    voice_samples_idle: silence put in while it sent nothing
    voice_samples_missing: silence put in where the microphone was late
    voice_samples_lost: silence put in where packets were lost
    voice_samples_squeezed, voice_samples_stretched: taken out and put in, evenly, where the peer's clock is not ours
    voice_samples_trimmed: quiet sound left out to catch up
    voice_samples_repeated: quiet sound put in a second time, so that frames have longer to be ready in
    voice_samples_hurried: periods of a voice left out to catch up, its words being kept
    voice_samples_dropped: thrown away, words or not, since the buffer was full
    voice_samples_interrupted: thrown away unheard by interruptions
    pictures_unsent, voice_packets_unsent: overtaken in the track's queue because the network stood still
    """

    frames_rendered: int = 0
    frames_released: int = 0
    frames_repeated: int = 0
    frames_dropped: int = 0
    interruptions: int = 0
    frames_interrupted: int = 0
    chunks_refused: int = 0
    chunks_skipped: int = 0
    ticks_skipped: int = 0
    voice_samples_received: int = 0
    voice_samples_idle: int = 0
    voice_samples_missing: int = 0
    voice_samples_lost: int = 0
    voice_samples_squeezed: int = 0
    voice_samples_stretched: int = 0
    voice_samples_trimmed: int = 0
    voice_samples_repeated: int = 0
    voice_samples_hurried: int = 0
    voice_samples_dropped: int = 0
    voice_samples_interrupted: int = 0
    pictures_unsent: int = 0
    voice_packets_unsent: int = 0

    def to_json(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)
