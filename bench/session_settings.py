"""What `float-avatar bench session` is asked for."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contract.errors import ConfigError

VIEWERS = ("auto", "aiortc", "chromium")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """A benchmark of calls.

    bundle, portrait, profile, hop_frames, lookahead_frames: handed on to the server, None: its own choice
    speech: file that the viewers speak; None: made
    duration_s: of what is measured of each call
    num_rounds: of each call; of percentiles the median of the rounds is told
    most_sessions: at once, when looking for how many the machine sustains; 1 does not look
    viewer: aiortc, chromium, or auto: both where there is a Chromium
    has_transport: also measure the test pattern, which waits for nothing and works nothing
    """

    bundle: Path | None = None
    portrait: str | None = None
    profile: str | None = "interactive"
    hop_frames: int | None = None
    lookahead_frames: int | None = None
    speech: Path | None = None
    duration_s: float = 60.0
    num_rounds: int = 1
    most_sessions: int = 4
    viewer: str = "auto"
    has_transport: bool = True

    def __post_init__(self) -> None:
        if self.viewer not in VIEWERS:
            raise ConfigError(f"viewer {self.viewer!r}, expected one of {', '.join(VIEWERS)}")
        if self.duration_s <= 0 or self.num_rounds < 1 or self.most_sessions < 1:
            raise ConfigError(
                f"{self.num_rounds} rounds of {self.duration_s:g} s with {self.most_sessions} sessions, "
                "expected at least one of each"
            )

    def serve_arguments(self) -> tuple[str, ...]:
        """Of `float-avatar serve`."""
        given = {
            "--bundle": self.bundle,
            "--portrait": self.portrait,
            "--profile": self.profile,
            "--hop-frames": self.hop_frames,
            "--lookahead-frames": self.lookahead_frames,
        }
        return tuple(str(each) for name, value in given.items() if value is not None for each in (name, value))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
