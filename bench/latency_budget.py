"""Where a frame's wait comes from before any work is done: a sum of frames, by profile.

In: a bundle's sizes, a profile, the cushions. Out: the parts in milliseconds, as docs/latency.md shows them.

Every frame of a stream waits as long as the first of its window, since playout shows one each 40 ms: the parts are of
that frame. Work, the network and the peer's own buffers come on top of it, and are measured, not added up.
"""

from dataclasses import dataclass

from contract.packets import FRAMES_PER_S
from contract.spec import AvatarSpec
from pipeline.avatar import delay_frames
from pipeline.profile import Profile
from pipeline.stream_settings import StreamSettings

FRAME_MS = 1000 // FRAMES_PER_S


@dataclass(frozen=True, slots=True)
class LatencyBudget:
    """Milliseconds from a sound's beginning to its picture, by what they are waited for.

    chunk_ms: the frame's own sound
    microphone_cushion_ms: against uneven arrival
    encoder_ms: the audio encoder's look-ahead, and its calls where they give several frames
    lookahead_ms, hop_ms: the window's other sound: what is heard beyond it, and the rest of its frames
    playout_cushion_ms: against uneven painting
    """

    profile: Profile
    chunk_ms: int
    microphone_cushion_ms: int
    encoder_ms: int
    lookahead_ms: int
    hop_ms: int
    playout_cushion_ms: int

    @property
    def parts_ms(self) -> tuple[int, ...]:
        """In the order of the table."""
        return (
            self.chunk_ms,
            self.microphone_cushion_ms,
            self.encoder_ms,
            self.lookahead_ms,
            self.hop_ms,
            self.playout_cushion_ms,
        )


def latency_budget(
    spec: AvatarSpec, profile: Profile, microphone_cushion_ms: int, cushion_frames: int
) -> LatencyBudget:
    """The budget of one profile. cushion_frames: of playout."""
    fitted = profile.fitted(spec)
    window = StreamSettings(fitted.hop_frames, fitted.lookahead_frames).window(spec)
    hop_frames = window.hop_frames - 1
    return LatencyBudget(
        profile=fitted,
        chunk_ms=FRAME_MS,
        microphone_cushion_ms=microphone_cushion_ms,
        encoder_ms=FRAME_MS * (delay_frames(spec, window) - hop_frames - window.lookahead_frames),
        lookahead_ms=FRAME_MS * window.lookahead_frames,
        hop_ms=FRAME_MS * hop_frames,
        playout_cushion_ms=FRAME_MS * cushion_frames,
    )


def budget_table(budgets: list[LatencyBudget]) -> str:
    """One line a profile, in Markdown."""
    lines = [
        "| profile | own sound | microphone cushion | encoder | look-ahead | rest of the hop | playout cushion "
        "| in all |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for budget in budgets:
        profile = budget.profile
        name = f"`{profile.name}` (hop {profile.hop_frames}, look-ahead {profile.lookahead_frames})"
        parts = " | ".join(str(part_ms) for part_ms in budget.parts_ms)
        lines.append(f"| {name} | {parts} | **{sum(budget.parts_ms)} ms** |")
    return "\n".join(lines) + "\n"
