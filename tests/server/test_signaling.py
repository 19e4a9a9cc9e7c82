"""The HTTP side: what is answered, what is refused, and how."""

import asyncio
import random
import re
from typing import Any

import httpx
import pytest

from contract.errors import EngineRunError, PortraitError
from contract.packets import UInt8Array
from pipeline.portrait import Portrait
from pipeline.test_pattern import TestPatternAvatar
from tests.server.caller import Caller, ClickTrack, post_offer, running_server

FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


def assert_problem(response: httpx.Response, status: int, text: str) -> None:
    """The response is a problem of that status whose detail holds the text."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["title"] and body["type"]
    assert text in body["detail"]


async def an_offer() -> str:
    """An aiortc client's offer."""
    caller = Caller(httpx.AsyncClient(), ClickTrack())
    sdp = await caller.offer()
    await caller.close()
    return sdp


async def test_an_offer_gets_an_answer_with_all_its_headers_and_a_resource() -> None:
    async with running_server() as server:
        caller = Caller(server.http, ClickTrack())
        response = await caller.call()
        assert response.headers["content-type"] == "application/sdp"
        assert re.fullmatch(r"/v1/whip/[\w-]{16}", caller.location)
        assert response.headers["etag"] == f'"{caller.location.rpartition("/")[2]}"'
        assert response.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
        assert "Location" in response.headers["access-control-expose-headers"]
        assert "a=sendrecv" in response.text
        assert "a=sendonly" in response.text
        assert "a=candidate" in response.text
        assert (await server.http.get(caller.location)).status_code == 204
        assert (await server.http.delete(caller.location)).status_code == 200
        await server.until_empty(within_s=0.1)
        assert_problem(await server.http.delete(caller.location), 404, "no session has the id")
        await caller.close()


async def test_what_is_no_call_is_refused_with_one_clear_problem_and_leaves_nothing() -> None:
    offer = await an_offer()
    no_media = re.sub(r"m=(audio|video).*?(?=m=)", "", offer, flags=re.DOTALL).replace("BUNDLE 0 1 2", "BUNDLE 2")
    cases = [
        ("hello", 400, "expected SDP"),
        ("", 400, "expected SDP"),
        ("v=0\r\n", 400, "expected audio or video"),
        ("v=0\r\nm=audio x\r\n", 400, "not SDP"),
        (no_media, 400, "expected audio or video"),
        (offer.replace("a=sendrecv", "a=sendonly").replace("a=recvonly", "a=inactive"), 400, "would play nothing"),
        (re.sub(r"a=fingerprint.*\r\n", "", offer), 400, "fingerprint"),
        (re.sub(r"a=ice-ufrag.*\r\n", "", offer), 400, "ice-ufrag"),
        (re.sub(r"a=rtcp-mux\r\n", "", offer), 400, "rtcp-mux"),
        (re.sub(r"a=mid.*\r\n", "", offer), 400, "mids"),
        (offer.replace("BUNDLE 0", "BUNDLE 7 0"), 400, "bundles"),
        (re.sub(r"(VP8|H264)/90000", "AV1/90000", offer), 400, "AV1"),
        (offer.replace("m=video", "m=text"), 400, "text"),
        (re.sub(r"a=setup:\w+", "a=setup:nonsense", offer), 400, "offer"),
        (re.sub(r"(a=candidate:.* )\d+( typ)", r"\g<1>70000\2", offer), 400, "70000"),
        (re.sub(r"(a=candidate:.*\r\n)", r"\1" * 200, offer, count=1), 400, "candidates"),
    ]
    async with running_server() as server:
        for sdp, status, text in cases:
            response = await post_offer(server.http, sdp)
            assert_problem(response, status, text)
            assert server.admission.num_sessions == 0
        assert server.app.state.parts.worker.num_lanes == 0
        assert (await server.http.get("/healthz")).status_code == 200


async def test_wrong_types_sizes_and_names() -> None:
    offer = await an_offer()
    async with running_server(max_body_bytes=20_000) as server:
        for headers in ({"Content-Type": "application/json"}, {"Content-Type": ""}):
            assert_problem(await server.http.post("/v1/whip", content=offer, headers=headers), 415, "application/sdp")
        assert_problem(await post_offer(server.http, offer + "a=x\r\n" * 5000), 413, "20000 bytes")
        assert_problem(await post_offer(server.http, offer, "nobody"), 404, "nobody")
        not_text = await server.http.post(
            "/v1/whip", content=b"v=0\xff\xfe", headers={"Content-Type": "application/sdp"}
        )
        assert_problem(not_text, 400, "UTF-8")
        assert_problem(await server.http.patch("/v1/whip/unknown", headers=FRAGMENT), 404, "unknown")
        assert_problem(await server.http.put("/v1/whip"), 405, "Method Not Allowed")
        assert_problem(await server.http.get("/no-such-page"), 404, "no-such-page")
        assert server.admission.num_sessions == 0


async def test_later_candidates_are_taken_and_a_restart_is_not() -> None:
    async with running_server(connect_timeout_s=30) as server:
        caller = Caller(server.http, ClickTrack())
        offer = await caller.offer()
        candidates = re.findall(r"a=candidate.*\r\n", offer)
        bare = re.sub(r"a=(candidate.*|end-of-candidates)\r\n", "", offer)
        response = await post_offer(server.http, bare)
        location = response.headers["location"]
        found = re.search(r"a=ice-ufrag:(.*)\r\n", offer)
        assert found is not None
        head = f"a=ice-ufrag:{found[1]}\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
        mdns = "a=candidate:1 1 udp 2122260223 abc.local 5000 typ host\r\n"
        tcp = "a=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n"
        body = head + mdns + tcp + "".join(candidates) + "a=end-of-candidates\r\n"
        patched = await server.http.patch(location, content=body, headers=FRAGMENT)
        assert patched.status_code == 204
        restart = head.replace(found[1], "other") + "".join(candidates)
        assert_problem(await server.http.patch(location, content=restart, headers=FRAGMENT), 422, "ICE restart")
        wrong_type = await server.http.patch(location, content=body, headers={"Content-Type": "application/sdp"})
        assert_problem(wrong_type, 415, "trickle")
        for broken in ("nonsense", "a=candidate:1\r\n"):
            assert_problem(await server.http.patch(location, content=broken, headers=FRAGMENT), 400, broken.strip())
        many = "".join(f"a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\r\n" for port in range(5000, 5099))
        assert_problem(await server.http.patch(location, content=2 * many, headers=FRAGMENT), 400, "198 candidates")
        assert_problem(await server.http.patch(location, content=many, headers=FRAGMENT), 400, "came later")
        nowhere = "a=candidate:1 1 udp 1 192.0.2.1 70000 typ host\r\n"
        assert_problem(await server.http.patch(location, content=nowhere, headers=FRAGMENT), 400, "70000")
        assert server.admission.num_sessions == 1
        await server.http.delete(location)
        await caller.close()


async def test_an_offer_whose_peer_never_comes_is_forgotten() -> None:
    async with running_server(connect_timeout_s=0.4) as server:
        tasks = len(asyncio.all_tasks())
        response = await post_offer(server.http, await an_offer())
        assert response.status_code == 201
        assert server.admission.num_sessions == 1
        await server.until_empty(within_s=2)
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) <= tasks
        assert 'outcome="never connected"' in (await server.http.get("/metrics")).text


async def test_unreachable_addresses_do_not_hold_the_answer_up() -> None:
    offer = await an_offer()
    only_mdns = re.sub(r"(a=candidate:\S+ \d udp \d+) \S+", r"\1 3f1a.local", offer)
    async with running_server() as server:
        began_s = asyncio.get_running_loop().time()
        response = await post_offer(server.http, only_mdns)
        assert response.status_code == 201
        assert asyncio.get_running_loop().time() - began_s < 0.8
        await server.http.delete(response.headers["location"])


async def test_options_health_capacity_and_portraits() -> None:
    async with running_server(max_sessions=3) as server:
        options = await server.http.options("/v1/whip")
        assert options.status_code == 200
        assert options.headers["accept-post"] == "application/sdp"
        assert (await server.http.get("/v1/whip")).status_code == 204
        assert (await server.http.get("/readyz")).json() == {"status": "ready"}
        capacity = (await server.http.get("/v1/capacity")).json()
        profile = capacity.pop("profile")
        assert capacity == {"slots": 3, "taken": 0, "free": 3}
        assert profile["name"] == "interactive"
        assert (profile["hop_frames"], profile["lookahead_frames"], profile["is_sustained"]) == (3, 2, None)
        listed = (await server.http.get("/v1/portraits")).json()
        assert [entry["name"] for entry in listed] == ["anna", "ben"]
        picture = await server.http.get(listed[1]["picture"])
        assert picture.headers["content-type"] == "image/png"
        assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(picture.content[16:20]) == 512, "scaled down"
        assert_problem(await server.http.get("/v1/portraits/nobody.png"), 404, "nobody")
        metrics = await server.http.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "avatar_session_slots 3.0" in metrics.text


async def test_the_page_is_served_with_its_types() -> None:
    async with running_server() as server:
        page = await server.http.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "<!doctype html>" in page.text.lower()
        for name in re.findall(r'(?:src|href)="([\w-]+\.(?:js|css|svg))"', page.text):
            file = await server.http.get(f"/{name}")
            assert file.status_code == 200, name
            expected = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
            assert file.headers["content-type"].startswith(expected)
        for hidden in ("__init__.py", "..%2fserver%2fapp.py", "%2e%2e/README.md"):
            assert (await server.http.get(f"/{hidden}")).status_code == 404


async def test_other_origins_are_let_in_only_by_name() -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    async with running_server() as server:
        assert "access-control-allow-origin" not in (await server.http.options("/v1/whip", headers=headers)).headers
    async with running_server(allowed_origins=("https://example.org",)) as server:
        allowed = await server.http.options("/v1/whip", headers=headers)
        assert allowed.headers["access-control-allow-origin"] == "https://example.org"


async def test_a_portrait_that_can_not_be_used_is_refused_and_the_server_goes_on() -> None:
    class Picky(TestPatternAvatar):
        def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
            if picture[0, 0, 0] == 200:
                raise PortraitError("no face was found in a picture of 600 x 600, expected one")
            return super().prepare(picture, crop)

    async with running_server(Picky()) as server:
        assert_problem(await post_offer(server.http, await an_offer(), "ben"), 422, "no face")
        assert server.admission.num_sessions == 0
        good = await post_offer(server.http, await an_offer(), "anna")
        assert good.status_code == 201
        await server.http.delete(good.headers["location"])


async def test_an_accident_is_a_problem_too_and_the_server_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(TestPatternAvatar):
        def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
            if picture[0, 0, 0] == 200:
                raise fault
            return super().prepare(picture, crop)

    async with running_server(Clumsy()) as server:
        fault: Exception = ZeroDivisionError("inner secrets")
        refused = await post_offer(server.http, await an_offer(), "ben")
        assert_problem(refused, 500, "log")
        assert "secrets" not in refused.text
        fault = EngineRunError("the engine is out of memory")
        assert_problem(await post_offer(server.http, await an_offer(), "ben"), 500, "out of memory")
        assert "out of memory" in caplog.text
        assert server.admission.num_sessions == 0
        good = await post_offer(server.http, await an_offer(), "anna")
        assert good.status_code == 201
        await server.http.delete(good.headers["location"])


@pytest.mark.parametrize("fault", [PortraitError("no face"), ZeroDivisionError("an accident")])
async def test_an_avatar_that_can_not_be_warmed_up_keeps_the_server_closed(fault: Exception) -> None:
    class Broken(TestPatternAvatar):
        def prepare(self, picture: UInt8Array, crop: bool = True) -> Portrait:
            raise fault

    from server.app import create_app
    from server.config import ServerConfig
    from tests.server.caller import plain_gallery

    failures: list[object] = []
    app = create_app(ServerConfig.read(), Broken(), plain_gallery(), on_open=failures.append)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
    ):
        async with asyncio.timeout(5):
            while not failures:
                await asyncio.sleep(0.01)
        assert failures == [fault]
        assert_problem(await http.get("/readyz"), 503, "starting or stopping")
        assert_problem(await post_offer(http, await an_offer()), 503, "starting or stopping")


async def test_vp8_is_taken_whatever_the_offer_puts_first() -> None:
    offer = await an_offer()
    found = re.search(r"m=video \d+ UDP/TLS/RTP/SAVPF ([\d ]+)", offer)
    assert found is not None
    numbers = found[1].split()
    names = dict(re.findall(r"a=rtpmap:(\d+) (\w+)/90000", offer))
    h264_first = sorted(numbers, key=lambda number: names[number] != "H264")
    assert names[h264_first[0]] == "H264"
    turned = offer.replace(found[0], found[0].replace(found[1], " ".join(h264_first)))
    async with running_server() as server:
        response = await post_offer(server.http, turned)
        answered = re.search(r"m=video \d+ UDP/TLS/RTP/SAVPF (\d+)", response.text)
        assert answered is not None
        assert names[answered[1]] == "VP8"
        await server.http.delete(response.headers["location"])


def mutated(offer: str, rng: random.Random) -> str:
    """The offer with one to three lines lost, doubled, cut, exchanged or with another number."""
    lines = offer.split("\r\n")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        other = rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                lines.pop(at)
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
            case 3:
                lines[at] = re.sub(r"\d+", lambda _: rng.choice(["0", "-1", "99999999999", "7"]), lines[at], count=1)
            case _:
                lines[at], lines[other] = lines[other], lines[at]
    return "\r\n".join(lines)


async def test_damaged_offers_are_answered_or_refused_and_never_an_accident() -> None:
    offer, rng = await an_offer(), random.Random(3)
    answered = 0
    async with running_server() as server:
        for _ in range(100):
            sdp = mutated(offer, rng)
            response = await post_offer(server.http, sdp)
            if response.status_code == 201:
                answered += 1
                await server.http.delete(response.headers["location"])
            else:
                assert response.status_code == 400, (response.text, sdp)
                assert response.json()["detail"]
            assert server.admission.num_sessions == 0
    assert 20 < answered < 80
