"""Where the time of one frame goes between the cut of its sound and its picture, on the server's one clock.

In: the moments of a lane's steps. Out: seconds by stage, which follow each other without gap or overlap:

    ingest    from the arrival of the last sample of the frame's chunk to the chunk's cut
    window    from the cut of the frame's chunk to the beginning of the drawing that its window waited for
    audio     engine calls of that drawing that hear
    flow      engine calls of that drawing that draw motion
    queue     from the end of the drawing to the beginning of the frame's painting: its window's earlier frames, and the
              other sessions'
    decode    engine calls of its painting; of two painted at once, the time that was waited for it
    python    all else that the thread did in the drawing and in the painting
    convert   RGB to I420

A stage whose engine was not run for a frame is left out, and so are the first two where silence took the place of sound
that the stream had heard before an interruption. After them come `wait` (from the picture to its release, by which time
`total` has passed) and `encode` (from the release to the packets).
"""

from assembly.engine_times import EngineTimes
from contract.packets import SpeechChunk

# Of the first frame of a session, to what may ever wait in an avatar.
MOST_WAITING_CHUNKS = 512


class FrameTimes:
    """The stopwatch of one lane. `cut` is for the event loop, the rest for the engine thread."""

    def __init__(self, engines: EngineTimes) -> None:
        self._engines = engines
        self._cut_at_s: dict[int, float] = {}
        self._drawing_began_s = 0.0
        self._drawn_at_s = 0.0
        self._drawing: dict[str, float] = {}
        self._painting_began_s = 0.0

    def cut(self, index: int, now_s: float) -> None:
        """A chunk was cut."""
        self._cut_at_s[index] = now_s
        # Frames come out in order: what is far behind was taken back or dropped.
        self._cut_at_s.pop(index - MOST_WAITING_CHUNKS, None)

    def push_again(self, index: int) -> None:
        """Silence is pushed in place of a chunk that the stream had taken."""
        self._cut_at_s.pop(index, None)

    def begin_drawing(self, now_s: float) -> None:
        """A chunk is pushed into the stream."""
        self._engines.take()
        self._drawing_began_s = now_s

    def end_drawing(self, now_s: float) -> None:
        """The stream has taken the chunk; its frames are still to be painted."""
        self._drawing = self._engines.take()
        self._drawn_at_s = now_s

    def begin_painting(self, now_s: float) -> None:
        """The next frame is asked for."""
        self._engines.take()
        self._painting_began_s = now_s

    def stages_s(self, chunk: SpeechChunk, painted_s: float, converted_s: float) -> dict[str, float]:
        """The stages of the frame of this chunk, whose painting has ended."""
        painting = self._engines.take()
        in_engines_s = sum(self._drawing.values()) + sum(painting.values())
        on_thread_s = self._drawn_at_s - self._drawing_began_s + painted_s - self._painting_began_s
        stages_s = {
            **self._drawing,
            "queue": self._painting_began_s - self._drawn_at_s,
            **painting,
            "python": on_thread_s - in_engines_s,
            "convert": converted_s - painted_s,
        }
        cut_at_s = self._cut_at_s.pop(chunk.index, None)
        if cut_at_s is None:
            return stages_s
        return {"ingest": cut_at_s - chunk.captured_at_s, "window": self._drawing_began_s - cut_at_s, **stages_s}
