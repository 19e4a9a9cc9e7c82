"""Named profiles: how many frames are drawn at a time, and how many more are heard first.

A profile is a pair for `pipeline.avatar.StreamSettings`. docs/latency.md has what each of them costs and gives.
"""

from dataclasses import dataclass, replace

from contract.errors import ConfigError
from contract.spec import AvatarSpec


@dataclass(frozen=True, slots=True)
class Profile:
    """A pair with a name.

    hop_frames: frames kept of each window
    lookahead_frames: further frames of sound that a window waits for
    """

    name: str
    hop_frames: int
    lookahead_frames: int

    def fitted(self, spec: AvatarSpec) -> "Profile":
        """The same for a bundle whose window may be shorter than the pair: the look-ahead gives way to the hop."""
        hop_frames = min(self.hop_frames, spec.window_frames)
        return replace(
            self,
            hop_frames=hop_frames,
            lookahead_frames=min(self.lookahead_frames, spec.window_frames - hop_frames),
        )


INTERACTIVE = Profile("interactive", hop_frames=3, lookahead_frames=2)
BALANCED = Profile("balanced", hop_frames=10, lookahead_frames=4)
PAPER = Profile("paper", hop_frames=50, lookahead_frames=0)
# The fastest first.
PROFILES = (INTERACTIVE, BALANCED, PAPER)


def find_profile(name: str) -> Profile:
    """The profile of that name; raises ConfigError."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise ConfigError(f"profile {name!r}, expected one of {', '.join(profile.name for profile in PROFILES)}")
