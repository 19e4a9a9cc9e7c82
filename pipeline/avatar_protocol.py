"""What the server and the tools know of an avatar: it takes on portraits and runs streams."""

from collections.abc import Iterator
from typing import Protocol

from contract.packets import AvatarFrame, Float32Array, SpeechChunk, UInt8Array
from contract.spec import AvatarSpec
from pipeline.expression import AvatarControls, Expression
from pipeline.portrait import Portrait
from pipeline.stream_settings import StreamSettings


class AvatarStream(Protocol):
    """One voice on its way to one face. Not for two threads at once."""

    @property
    def delay_frames(self) -> int:
        """How many later chunks must be pushed, at worst, before the frame of a chunk can come out.

        Of a stream that keeps up; chunks that wait already (`push`) may be waited for besides.
        """
        ...

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        """Take the next chunk; the frames now possible are rendered as the caller iterates, always to the end.

        num_waiting: chunks that are there already and will be pushed next; a stream may draw frames of theirs with
            this one's, for less work, and then gives them all later
        """
        ...

    def flush(self) -> Iterator[AvatarFrame]:
        """Every frame that is still inside, as if silence followed. The next chunk starts anew."""
        ...

    def reset(self) -> None:
        """Forget everything that was pushed; the next chunk starts anew."""
        ...

    def rewind(self, last_index: int) -> list[SpeechChunk]:
        """Go back to where this frame was the last one: all later ones count as never drawn, painted or not.

        Motion goes on from that frame. An iterator got before gives nothing of use any more.
        last_index: a frame that was given lately, or -1 for the time before the first
        Returns the later chunks, the oldest first. They, or others of the same indexes, are to be pushed next.
        """
        ...

    def direct(self, expression: Expression) -> None:
        """Change what is asked of the face; raises ConfigError, and changes nothing, where it can't be had.

        The emotion counts from the next window drawn, the edits from the next frame begun. The motion glides over to
        either: EMOTION_GLIDE_FRAMES of pipeline.emotion_glide, GLIDE_FRAMES of pipeline.motion_glide.
        """
        ...


class Avatar(Protocol):
    """A model that can take on portraits and run streams; shared by all sessions and their threads."""

    @property
    def spec(self) -> AvatarSpec:
        """Sizes and defaults."""
        ...

    @property
    def controls(self) -> AvatarControls:
        """What its streams can be asked for."""
        ...

    def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
        """Make a portrait of a picture [height, width, 3] uint8, RGB; raises PortraitError."""
        ...

    def start(self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None) -> AvatarStream:
        """Begin a stream; raises ConfigError where the settings do not fit the model.

        clip: [at least 1] float32, all the sound of the chunks to come where it is known beforehand (audio mode
            whole_clip); None hears it as it comes (rolling)
        """
        ...

    def close(self) -> None:
        """Release what the avatar holds. Nothing of it may be used afterwards."""
        ...
