"""The profile that a machine gets: avatars whose every step takes a known time, on a clock of their own."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from contract.packets import AvatarFrame, Float32Array, SpeechChunk, UInt8Array
from pipeline.avatar import NeuralAvatar, StreamSettings
from pipeline.portrait import Portrait
from pipeline.profile import BALANCED, INTERACTIVE, PAPER, PROFILES
from pipeline.test_pattern import TestPatternAvatar, TestPatternStream
from server.startup_profile import (
    GROWN_HOP_FRAMES,
    LONGEST_MEASURING_S,
    SUSTAINED_SHARE,
    ProfileChoice,
    choose_profile,
)
from tests.fakes import TINY_SPEC, FakeClock, fake_engines
from tests.server.caller import running_server

PICTURE = np.zeros((8, 8, 3), np.uint8)


class CostlyAvatar(TestPatternAvatar):
    """Draws windows as an avatar of networks does, and takes as long for them as it is told."""

    def __init__(self, clock: FakeClock, window_s: float, frame_s: float, first_window_s: float = 0.0) -> None:
        """window_s: for any window; frame_s: to paint; first_window_s: more, for the first window of a length."""
        super().__init__()
        self.clock, self.window_s, self.frame_s, self.first_window_s = clock, window_s, frame_s, first_window_s
        self.started: list[StreamSettings] = []
        self.chunks: list[SpeechChunk] = []
        self.num_painted = 0

    def start(
        self, portrait: Portrait, settings: StreamSettings, clip: Float32Array | None = None
    ) -> TestPatternStream:
        self.started.append(settings)
        return cast(TestPatternStream, CostlyStream(self, settings))


class CostlyStream:
    def __init__(self, avatar: CostlyAvatar, settings: StreamSettings) -> None:
        self._avatar, self._hop_frames = avatar, settings.hop_frames
        self._window_frames = settings.hop_frames + settings.lookahead_frames
        self._waiting: deque[SpeechChunk] = deque()
        self._is_first = True
        self.delay_frames = self._window_frames - 1

    def push(self, chunk: SpeechChunk, num_waiting: int = 0) -> Iterator[AvatarFrame]:
        self._avatar.chunks.append(chunk)
        self._waiting.append(chunk)
        if len(self._waiting) < self._window_frames:
            return iter(())
        self._avatar.clock.time_s += self._avatar.window_s + self._is_first * self._avatar.first_window_s
        self._is_first = False
        kept = [self._waiting.popleft() for _ in range(self._hop_frames)]
        return (self._paint(each) for each in kept)

    def _paint(self, chunk: SpeechChunk) -> AvatarFrame:
        self._avatar.clock.time_s += self._avatar.frame_s
        self._avatar.num_painted += 1
        picture: UInt8Array = PICTURE
        return AvatarFrame(chunk, picture)


def chosen(window_s: float, frame_s: float, first_window_s: float = 0.0) -> tuple[ProfileChoice, CostlyAvatar, float]:
    """What is chosen, the avatar, and the seconds that it took."""
    clock = FakeClock()
    avatar = CostlyAvatar(clock, window_s, frame_s, first_window_s)
    began_s = clock.now_s()
    choice = choose_profile(avatar, avatar.prepare(PICTURE), StreamSettings(emotion="happy"), clock.now_s)
    return choice, avatar, clock.now_s() - began_s


@pytest.mark.parametrize(
    ("window_s", "frame_s", "expected", "share"),
    [
        (0.010, 0.008, INTERACTIVE, 0.2625),
        # Just sustained, and just not: then the next has its windows less often.
        (0.079, 0.008, INTERACTIVE, 0.69375),
        (0.081, 0.008, BALANCED, 0.4025),
        (0.210, 0.008, PAPER, 0.305),
    ],
)
def test_the_fastest_sustained_profile_is_taken(
    window_s: float, frame_s: float, expected: object, share: float
) -> None:
    choice, avatar, took_s = chosen(window_s, frame_s)
    assert (choice.profile, choice.is_sustained) == (expected, True)
    assert choice.loads[-1].share == pytest.approx(share)
    # The fastest first, and none that is not needed.
    assert [load.profile for load in choice.loads] == list(PROFILES[: PROFILES.index(choice.profile) + 1])
    assert all(load.share > SUSTAINED_SHARE for load in choice.loads[:-1])
    assert {settings.emotion for settings in avatar.started} == {"happy"}
    assert took_s < LONGEST_MEASURING_S


def test_what_engines_take_to_make_themselves_ready_does_not_count() -> None:
    choice, _, _ = chosen(0.010, 0.008, first_window_s=0.4)
    assert choice.profile == INTERACTIVE
    assert choice.loads[0].share == pytest.approx(0.2625)


def test_one_interruption_by_another_program_does_not_decide() -> None:
    class Disturbed(CostlyAvatar):
        @property
        def window_s(self) -> float:
            self.num_windows += 1
            return 0.3 if self.num_windows == 3 else 0.010

        @window_s.setter
        def window_s(self, value: float) -> None:
            self.num_windows = 0

    clock = FakeClock()
    avatar = Disturbed(clock, 0.0, 0.008)
    choice = choose_profile(avatar, avatar.prepare(PICTURE), StreamSettings(), clock.now_s)
    assert choice.profile == INTERACTIVE and choice.loads[0].share == pytest.approx(0.2625)


def test_frames_painted_in_pairs_take_half_of_what_the_first_of_a_pair_does() -> None:
    class Paired(CostlyAvatar):
        @property
        def frame_s(self) -> float:
            # The second of two is there with the first.
            return 0.016 if self.num_painted % 2 == 0 else 0.0

        @frame_s.setter
        def frame_s(self, value: float) -> None:
            pass

    for window_s, expected, share in ((0.010, INTERACTIVE, 0.2625), (0.100, BALANCED, 0.45)):
        clock = FakeClock()
        avatar = Paired(clock, window_s, 0.0, 0.0)
        choice = choose_profile(avatar, avatar.prepare(PICTURE), StreamSettings(), clock.now_s)
        assert choice.profile == expected and choice.loads[-1].share == pytest.approx(share)


def test_where_painting_alone_is_too_slow_nothing_longer_is_tried() -> None:
    choice, avatar, took_s = chosen(0.010, 0.060)
    assert (choice.profile, choice.is_sustained) == (PAPER, False)
    assert len(choice.loads) == 1 and len(avatar.started) == 1
    assert took_s < LONGEST_MEASURING_S + 1
    told = choice.told(num_sessions=2)
    assert "profile paper: hop 50, look-ahead 0; this machine sustains no profile" in told
    assert "interactive 156%" in told and "up to 70% is sustained" in told


@pytest.mark.parametrize(("window_s", "frame_s"), [(0.9, 0.020), (5.0, 0.020), (1.5, 0.3), (0.4, 0.023), (40.0, 9.0)])
def test_measuring_ends_in_time_on_the_slowest_machine(window_s: float, frame_s: float) -> None:
    choice, avatar, took_s = chosen(window_s, frame_s)
    assert choice.profile == PAPER
    assert took_s < LONGEST_MEASURING_S + 2 * (window_s + 5 * frame_s)
    # Of a window of fifty, no more is painted than is needed to know what a frame takes.
    assert avatar.num_painted <= 5 * sum(len(avatar.chunks) for _ in avatar.started)
    assert "this machine sustains" in choice.told(num_sessions=1) or choice.is_sustained


def test_what_was_not_timed_is_not_said_to_be() -> None:
    choice, _, _ = chosen(40.0, 9.0)
    assert choice.loads == () and choice.is_sustained is False
    assert "more than could be timed" in choice.told(num_sessions=1)
    assert choice.to_json()["real_time_shares"] == {}


def test_it_is_measured_with_what_the_voice_detector_calls_speech() -> None:
    """In silence an avatar may do less, and a call would then take more than was measured."""
    from pipeline.voice_activity import VoiceActivity

    _, avatar, _ = chosen(0.010, 0.008)
    activity = VoiceActivity(aggressiveness=3)
    assert all(activity.push(chunk) for chunk in avatar.chunks)
    assert [chunk.index for chunk in avatar.chunks] == list(range(len(avatar.chunks)))


def test_it_says_in_plain_words_what_was_chosen_and_why() -> None:
    choice, _, _ = chosen(0.104, 0.010)
    told = choice.told(num_sessions=1)
    assert told.startswith("profile balanced: hop 10, look-ahead 4, the fastest that this machine sustains")
    assert "interactive 90%, balanced 51%; up to 70% is sustained" in told
    assert "too much" not in told
    assert "3 calls at a time would take 153%, too much" in choice.told(num_sessions=3)
    asked = ProfileChoice(BALANCED)
    assert asked.told(num_sessions=1) == "profile balanced: hop 10, look-ahead 4, as asked for"


def test_a_profile_is_cut_to_the_bundles_window() -> None:
    clock = FakeClock()
    avatar = CostlyAvatar(clock, 0.3, 0.008)
    avatar.spec = replace(avatar.spec, window_frames=20)
    choice = choose_profile(avatar, avatar.prepare(PICTURE), StreamSettings(), clock.now_s)
    assert (choice.profile.name, choice.profile.hop_frames, choice.profile.lookahead_frames) == ("paper", 20, 0)


def test_a_real_stream_of_engines_is_measured() -> None:
    """Through the pipeline itself: arithmetic engines, a clock that counts every look at it."""
    engines = fake_engines()
    avatar = NeuralAvatar(TINY_SPEC, engines)
    portrait = avatar.prepare(np.full((64, 64, 3), 90, np.uint8), crop=False)
    ticks = iter(range(10**6))
    choice = choose_profile(avatar, portrait, StreamSettings(), lambda: 1e-6 * next(ticks))
    assert choice.profile == INTERACTIVE and 0 < choice.loads[0].share < 0.01
    lengths = {call["noisy_motion"].shape[1] for call in engines.flow_transformer.calls}  # type: ignore[attr-defined]
    # Its audio encoder gives two frames at a time, so its windows don't grow.
    assert lengths == {INTERACTIVE.hop_frames + INTERACTIVE.lookahead_frames}


def test_windows_are_timed_as_long_as_they_grow_where_a_call_is_behind() -> None:
    choice, avatar, _ = chosen(0.010, 0.008)
    assert choice.profile.hop_frames < GROWN_HOP_FRAMES == avatar.started[0].hop_frames
    assert avatar.started[0].lookahead_frames == INTERACTIVE.lookahead_frames


async def test_a_server_tells_what_it_chose(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="server.app"):
        async with running_server(profile="auto") as server:
            profile = (await server.http.get("/v1/capacity")).json()["profile"]
    # The pattern is drawn in no time, wherever this runs.
    assert (profile["name"], profile["is_sustained"]) == ("interactive", True)
    assert profile["real_time_shares"]["interactive"] <= SUSTAINED_SHARE
    assert "profile interactive: hop 3, look-ahead 2, the fastest that this machine sustains" in caplog.text


async def test_a_server_that_was_told_measures_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="server.app"):
        async with running_server(profile="paper", hop_frames=25) as server:
            profile = (await server.http.get("/v1/capacity")).json()["profile"]
    assert (profile["name"], profile["hop_frames"], profile["lookahead_frames"]) == ("custom", 25, 0)
    assert profile["is_sustained"] is None and profile["real_time_shares"] == {}
    assert "as asked for" in caplog.text
