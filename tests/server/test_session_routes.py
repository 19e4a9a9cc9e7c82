"""The face is directed while a call goes on: over HTTP, over the call's own channel, and at its beginning."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contract.errors import ConfigError
from contract.spec import EMOTIONS
from pipeline.avatar import AvatarEngines, NeuralAvatar
from pipeline.expression import AvatarControls, Expression
from pipeline.motion_editor import MotionEdit
from pipeline.test_pattern import TestPatternAvatar
from server.asked_expression import AskedExpression
from tests.fakes import TINY_SPEC, FakeEngine, fake_engines
from tests.server.caller import Caller, RunningServer, post_offer, running_server
from tests.server.test_signaling import assert_problem

SPEC = replace(TINY_SPEC, motion_names=("yaw", "smile"))
BASIS = np.linalg.qr(np.random.default_rng(4).standard_normal((8, 4)))[0].astype(np.float32)
CONTROLS = AvatarControls(EMOTIONS, False, ("yaw", "smile"))


def face() -> tuple[NeuralAvatar, AvatarEngines]:
    """An avatar whose motion is still where nothing moves it, and its engines."""

    def rest(inputs: dict) -> dict:
        # From the noise to zero in one straight line.
        return {"velocity": -np.asarray(inputs["noisy_motion"]) / (1.0001 - np.asarray(inputs["time"])[:, None, None])}

    engines = fake_engines(SPEC, FakeEngine(SPEC.signature("flow_transformer"), rest))
    return NeuralAvatar(SPEC, engines, BASIS), engines


def emotion_now(engines: AvatarEngines) -> str:
    """That the last window was drawn with."""
    return EMOTIONS[int(engines.flow_transformer.calls[-1]["emotion"][0].argmax())]  # type: ignore[attr-defined]


def motion_now(engines: AvatarEngines) -> np.ndarray:
    """Coefficients of the last frame painted, by direction."""
    latent = engines.frame_decoder.calls[-1]["motion_latent"][0]  # type: ignore[attr-defined]
    return np.asarray(latent, np.float32) @ BASIS


async def until(condition: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


def events(caller: Caller) -> list[dict[str, Any]]:
    """What the server said of itself, but for its figures."""
    return [message for message in caller.received.messages if message["type"] != "stats"]


async def begin(server: RunningServer, **wanted: str) -> tuple[Caller, str]:
    """A viewer in a call, and the address of its session."""
    caller = Caller(server.http)
    await caller.call(**wanted)
    await caller.until_pictures(3)
    return caller, f"/v1/sessions/{caller.location.rpartition('/')[2]}"


async def test_a_patch_reaches_the_face_and_is_told_on_the_channel() -> None:
    avatar, engines = face()
    async with running_server(avatar) as server:
        caller, session = await begin(server)
        assert (await server.http.get(session)).json() == {"emotion": None, "motion": {}}
        assert emotion_now(engines) == "neutral" and np.abs(motion_now(engines)).max() < 0.1

        changed = await server.http.patch(session, json={"emotion": "happy", "motion": {"smile": 2, "yaw": -0.5}})
        assert changed.status_code == 200
        asked = {"emotion": "happy", "motion": {"smile": 2.0, "yaw": -0.5}}
        assert changed.json() == asked
        await until(lambda: emotion_now(engines) == "happy" and abs(motion_now(engines)[1] - 2) < 0.1)
        assert motion_now(engines)[0] == pytest.approx(-0.5, abs=0.1)

        # What is not named stays; null gives it back.
        changed = await server.http.patch(session, json={"emotion": None, "motion": {"smile": None}})
        assert changed.json() == (await server.http.get(session)).json() == {"emotion": None, "motion": {"yaw": -0.5}}
        await until(lambda: emotion_now(engines) == "neutral" and abs(motion_now(engines)[1]) < 0.1)
        await server.http.patch(session, json={"motion": None})
        await until(lambda: len(events(caller)) == 3)
        assert events(caller)[0] == {"type": "expression", **asked}
        assert events(caller)[2] == {"type": "expression", "emotion": None, "motion": {}}
        await caller.close()
        await server.until_empty(within_s=2)


async def test_the_channel_does_the_same_and_bad_messages_are_answered() -> None:
    avatar, engines = face()
    async with running_server(avatar) as server:
        caller, session = await begin(server)
        for message in (
            {"type": "direct", "emotion": "glad"},
            {"type": "direct", "motion": {"nose": 1}},
            {"type": "direct", "motion": {"yaw": 1, "smile": 3.5}},
            {"type": "direct", "mood": "sad"},
            {"type": "direct", "motion": [1]},
            {"type": "direct", "emotion": "sad", "motion": {"smile": 3}},
        ):
            caller.channel.send(json.dumps(message))
        await until(lambda: len(events(caller)) == 6)
        details = [event.get("detail", "") for event in events(caller)]
        assert "emotion 'glad', expected one of angry, disgust" in details[0]
        assert details[1] == "motion 'nose', expected one of yaw, smile"
        assert details[2] == "motion smile is given 3.5, expected a number from -3 to 3, or null"
        assert details[3] == "'mood' can't be asked for, expected emotion or motion"
        assert details[4] == "motion [1], expected an object of names and numbers, or null"
        assert events(caller)[5] == {"type": "expression", "emotion": "sad", "motion": {"smile": 3.0}}
        assert (await server.http.get(session)).json() == {"emotion": "sad", "motion": {"smile": 3.0}}
        await until(lambda: emotion_now(engines) == "sad" and abs(motion_now(engines)[1] - 3) < 0.1)
        assert abs(motion_now(engines)[0]) < 0.1, "a refused message changes nothing of what it names"
        seen = len(caller.received.pictures)
        await caller.until_pictures(seen + 10)
        await caller.close()
        await server.until_empty(within_s=2)


async def test_what_can_not_be_asked_is_a_problem_and_the_call_lives_on() -> None:
    avatar, engines = face()
    async with running_server(avatar, max_body_bytes=20_000) as server:
        caller, session = await begin(server)
        for body, status, text in (
            ({"emotion": "glad"}, 422, "expected one of angry"),
            ({"motion": {"smile": -3.01}}, 422, "motion smile is given -3.01, expected a number from -3 to 3"),
            ({"motion": {"smile": True}}, 422, "given True"),
            ({"motion": {"Smile": 1}}, 422, "motion 'Smile', expected one of yaw, smile"),
            (["happy"], 422, "['happy'], expected a JSON object"),
        ):
            assert_problem(await server.http.patch(session, json=body), status, text)
        as_json = {"Content-Type": "application/json"}
        for content, status, text in (
            ('{"motion": {"smile": NaN}}', 422, "given nan"),
            ('{"motion": {"smile": 1' + "0" * 400 + "}}", 422, "given 1000"),
            ("{", 400, "the body is not JSON"),
            ("[" * 1000, 400, "the body is not JSON"),
            ("1" * 30_000, 413, "20000 bytes"),
        ):
            assert_problem(await server.http.patch(session, content=content, headers=as_json), status, text)
        assert_problem(await server.http.patch(session, content="{}"), 415, "expected application/json")
        assert_problem(await server.http.patch("/v1/sessions/unknown", json={}), 404, "unknown")
        assert (await server.http.get(session)).json() == {"emotion": None, "motion": {}}
        assert emotion_now(engines) == "neutral"
        seen = len(caller.received.pictures)
        await caller.until_pictures(seen + 10)
        await caller.close()
        await server.until_empty(within_s=2)


async def test_a_call_begins_with_the_emotion_it_asks_for_and_falls_back_to_the_server_s_own() -> None:
    avatar, engines = face()
    async with running_server(avatar, emotion="sad") as server:
        listed = (await server.http.get("/v1/controls")).json()
        assert listed["emotions"] == list(EMOTIONS) and listed["default_emotion"] == "sad"
        assert listed["motion"] == [{"name": name, "lowest": -3, "highest": 3} for name in ("yaw", "smile")]
        spectator = Caller(server.http)
        refused = await post_offer(server.http, await spectator.offer(), emotion="glad")
        assert_problem(refused, 422, "emotion 'glad', expected one of")
        assert server.admission.num_sessions == 0
        await spectator.close()

        calls = engines.flow_transformer.calls  # type: ignore[attr-defined]
        num_before = len(calls)
        caller, session = await begin(server, portrait="ben", emotion="surprise")
        assert {EMOTIONS[int(call["emotion"][0].argmax())] for call in calls[num_before:]} == {"surprise"}
        assert (await server.http.get(session)).json()["emotion"] == "surprise"
        await server.http.patch(session, json={"emotion": None})
        await until(lambda: emotion_now(engines) == "sad")
        await caller.close()
        await server.until_empty(within_s=2)


async def test_an_avatar_without_a_face_says_so() -> None:
    async with running_server(TestPatternAvatar(delay_frames=0)) as server:
        listed = (await server.http.get("/v1/controls")).json()
        assert listed == {"emotions": [], "default_emotion": None, "motion": []}
        caller, session = await begin(server)
        assert_problem(await server.http.patch(session, json={"emotion": "sad"}), 422, "expected null: it shows none")
        assert_problem(await server.http.patch(session, json={"motion": {"yaw": 1}}), 422, "it can't be moved")
        assert (await server.http.patch(session, json={"emotion": None, "motion": {}})).status_code == 200
        await caller.until_pictures(10)
        await caller.close()
        await server.until_empty(within_s=2)


async def test_an_avatar_that_hears_emotion_shows_what_the_voice_says_unasked() -> None:
    classifier = FakeEngine(SPEC.signature("emotion_classifier"), lambda inputs: {"emotion": np.eye(7)[[0]]})
    avatar = NeuralAvatar(SPEC, replace(fake_engines(SPEC), emotion_classifier=classifier), BASIS)
    async with running_server(avatar) as server:
        assert (await server.http.get("/v1/controls")).json()["default_emotion"] is None


def test_numbers_are_directions_where_there_are_no_names() -> None:
    controls = AvatarControls(EMOTIONS, False, ("0", "1", "2"))
    asked = AskedExpression().merged({"motion": {"2": 1, "0": 0}}, controls)
    assert asked.expression("sad") == Expression("sad", (MotionEdit(2, 1.0),))
    assert asked.to_json() == {"emotion": None, "motion": {"2": 1.0}}


def test_long_values_are_cut_in_what_is_said_of_them() -> None:
    with pytest.raises(ConfigError) as raised:
        AskedExpression().merged({"motion": {"x" * 5000: 1}}, CONTROLS)
    assert len(str(raised.value)) < 120
