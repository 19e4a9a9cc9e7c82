"""The profile that a server draws with: the fastest one that the machine sustains, measured at start-up.

In: an open avatar and its portrait. Out: `ProfileChoice`, with the figures it was made by.

Each profile's share of real time is what a second of speech takes of the engine thread: hearing it, drawing its
windows, painting its frames; windows of four frames at least, to which those of a call that is a little behind grow.
Speech, not silence, in which an avatar may do less. At most 70 % counts as sustained.
The rest is for what is not measured here: conversion, the video coder and the network (15 % of one core), a browser on
the same machine, the second drawing of a window whose emotion changes, and other programs, which come and go.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from statistics import median

from contract.packets import FRAMES_PER_S, AvatarFrame
from pipeline.avatar import Avatar, StreamSettings
from pipeline.portrait import Portrait
from pipeline.profile import PROFILES, Profile
from pipeline.speech_like import speech_like

SUSTAINED_SHARE = 0.7
# A stream that is behind draws longer windows (pipeline.motion_sampler): it is enough if the machine sustains those.
GROWN_HOP_FRAMES = 4
LONGEST_MEASURING_S = 2.0
# Of each profile, so that one interruption by another program does not decide.
NUM_TIMED_FRAMES = 25
# A frame costs the same in every window, and a slow machine must not paint fifty to learn that it is slow.
# Even, since two may be painted at once: the last of an odd number would count as much as two.
NUM_PAINTED_FRAMES = 4


@dataclass(frozen=True, slots=True)
class ProfileLoad:
    """What one profile takes.

    drawing_share: of real time, to hear a second of speech and draw its motion
    painting_share: of real time, to paint its frames
    """

    profile: Profile
    drawing_share: float
    painting_share: float

    @property
    def share(self) -> float:
        """Of real time, in all."""
        return self.drawing_share + self.painting_share


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """A profile, and why.

    loads: what was measured, in that order
    is_sustained: None where the profile was asked for, and so not measured
    """

    profile: Profile
    loads: tuple[ProfileLoad, ...] = ()
    is_sustained: bool | None = None

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        profile = self.profile
        return {
            "name": profile.name,
            "hop_frames": profile.hop_frames,
            "lookahead_frames": profile.lookahead_frames,
            "is_sustained": self.is_sustained,
            "real_time_shares": {load.profile.name: round(load.share, 3) for load in self.loads},
        }

    def told(self, num_sessions: int) -> str:
        """In plain words, with the figures. num_sessions: that the server takes at a time."""
        profile = self.profile
        pair = f"profile {profile.name}: hop {profile.hop_frames}, look-ahead {profile.lookahead_frames}"
        if self.is_sustained is None:
            return f"{pair}, as asked for"
        figures = (
            ", ".join(f"{load.profile.name} {load.share:.0%}" for load in self.loads) or "more than could be timed"
        )
        measured = f"speech takes of real time: {figures}; up to {SUSTAINED_SHARE:.0%} is sustained"
        if not self.is_sustained:
            return f"{pair}; this machine sustains no profile, expect pictures that stop and go ({measured})"
        together = num_sessions * self.loads[-1].share
        crowd = f"; {num_sessions} calls at a time would take {together:.0%}, too much" if together > 1 else ""
        return f"{pair}, the fastest that this machine sustains ({measured}{crowd})"


def choose_profile(
    avatar: Avatar, portrait: Portrait, settings: StreamSettings, now_s: Callable[[], float]
) -> ProfileChoice:
    """Measure the profiles, the fastest first, until one is sustained; else the last, whose windows cost least.

    settings: of the streams to come, but for their windows
    now_s: a clock that never goes back
    Takes LONGEST_MEASURING_S and at most one window more. Raises what the avatar does.
    """
    began_s = now_s()
    profiles = [profile.fitted(avatar.spec) for profile in PROFILES]
    loads: list[ProfileLoad] = []
    for number, profile in enumerate(profiles, 1):
        longest_frames = avatar.spec.window_frames - profile.lookahead_frames
        grown_frames = min(GROWN_HOP_FRAMES, longest_frames) if avatar.spec.hears_each_frame else 0
        hop_frames = max(profile.hop_frames, grown_frames)
        pair = replace(settings, hop_frames=hop_frames, lookahead_frames=profile.lookahead_frames)
        enough_at_s = began_s + LONGEST_MEASURING_S * number / len(profiles)
        timer = Timer(now_s, enough_at_s, began_s + LONGEST_MEASURING_S)
        load = measure_load(avatar, portrait, pair, profile, timer)
        if load is None:
            break
        loads.append(load)
        if load.share <= SUSTAINED_SHARE:
            return ProfileChoice(profile, tuple(loads), is_sustained=True)
        if load.painting_share > SUSTAINED_SHARE:
            # Longer windows spare drawing alone.
            break
    return ProfileChoice(profiles[-1], tuple(loads), is_sustained=False)


@dataclass(frozen=True, slots=True)
class Timer:
    """A clock, and how long it may go on.

    enough_at_s: from then on one timed window will do
    over_at_s: from then on no window is begun
    """

    now_s: Callable[[], float]
    enough_at_s: float
    over_at_s: float

    def is_over(self, num_timed: int) -> bool:
        """True where no further window is to be begun."""
        now_s = self.now_s()
        return now_s >= self.over_at_s or (num_timed > 0 and now_s >= self.enough_at_s)


def measure_load(
    avatar: Avatar, portrait: Portrait, settings: StreamSettings, profile: Profile, timer: Timer
) -> ProfileLoad | None:
    """What a second of speech takes with these windows; None where no whole window was timed in time."""
    stream = avatar.start(portrait, settings)
    num_windows = ceil(NUM_TIMED_FRAMES / settings.hop_frames)
    # The first window is not timed: engines make themselves ready for its length.
    num_chunks = stream.delay_frames + (1 + num_windows) * settings.hop_frames
    drawing_s: list[float] = []  # a frame
    painting_s: list[float] = []  # a frame, mean of its window
    spent_s, is_first = 0.0, True
    for chunk in islice(speech_like(), num_chunks):
        began_s = timer.now_s()
        frames = stream.push(chunk)
        spent_s += timer.now_s() - began_s
        painted_s = _painting_s(frames, timer.now_s)
        if painted_s is None:
            continue
        if not is_first:
            drawing_s.append(spent_s / settings.hop_frames)
            painting_s.append(painted_s)
        spent_s, is_first = 0.0, False
        if timer.is_over(len(drawing_s)):
            break
    if not drawing_s:
        return None
    return ProfileLoad(profile, FRAMES_PER_S * median(drawing_s), FRAMES_PER_S * median(painting_s))


def _painting_s(frames: Iterator[AvatarFrame], now_s: Callable[[], float]) -> float | None:
    """A frame, mean of the window's first ones, since two may be painted at once; None where there are none.

    The others are left unpainted: nobody watches this stream, and it ends here.
    """
    began_s = now_s()
    num_painted = sum(1 for _ in islice(frames, NUM_PAINTED_FRAMES))
    return (now_s() - began_s) / num_painted if num_painted else None
