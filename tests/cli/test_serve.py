"""`float-avatar serve` as a program and, for its errors, as a function."""

import asyncio
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bundles.manifest import read_manifest
from cli.main import main
from cli.serve import address, bundle_gallery, serve
from contract.errors import BundleError, ConfigError, PortraitError, PortraitNotFoundError
from server.listener import listen, port_of
from server.portraits import to_png
from tests.bundles.tiny_bundle import SPEC, write_tiny_bundle
from tests.server.caller import Caller, ClickTrack

ROOT = Path(__file__).resolve().parent.parent.parent
NOTHING: dict[str, Any] = dict.fromkeys(("bundle", "portrait", "host", "hop_frames", "lookahead_frames"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_bundle(folder)
    return folder


async def read_until(process: asyncio.subprocess.Process, pattern: str) -> str:
    """The program's output up to the line that holds the pattern."""
    assert process.stdout is not None
    text = ""
    while not re.search(pattern, text):
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        assert line, f"the program ended, having said:\n{text}"
        text += line
    return text


@pytest.fixture(scope="module")
def free_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose audio encoder hears sound of any length, with an emotion classifier, as FLOAT's."""
    return write_tiny_bundle(tmp_path_factory.mktemp("free") / "bundle", replace(SPEC, audio_statistics=True))


@pytest.mark.parametrize("kind", ["bundle", "free_bundle"])
async def test_a_call_to_the_program_from_its_first_line_to_ctrl_c(kind: str, request: pytest.FixtureRequest) -> None:
    bundle: Path = request.getfixturevalue(kind)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "serve", "--bundle", str(bundle), "--port", "0",
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said = await read_until(process, "Ready")
        assert re.search(r"licence \S+", said)
        assert re.search(r"profile \w+: hop \d+, look-ahead \d+", said)
        found = re.search(r"http://localhost:(\d+) ", said)
        assert found is not None, said
        port = int(found[1])
        with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1"):
            serve(**NOTHING, port=port, test_pattern=True)
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}", timeout=20) as http:
            assert "<video" in (await http.get("/")).text
            caller = Caller(http, ClickTrack())
            await caller.call()
            await caller.until_pictures(40)
            assert caller.received.pictures[0][1].width == 32
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            rest = (await asyncio.wait_for(process.stdout.read(), 20)).decode()
            assert await process.wait() == 0, rest
            assert rest.endswith("Ended.\n")
            assert "Traceback" not in said + rest
            assert "server stopped" in rest, "the call in progress was ended"
            await caller.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def serve_with(**given: Any) -> None:
    """Serve on a free port."""
    serve(**{**NOTHING, "port": 0, "test_pattern": False, **given})


def test_what_can_not_be_served_is_one_clear_error(bundle: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    write_tiny_bundle(damaged)
    (damaged / "frame_decoder.onnx").write_bytes(b"nothing")
    plain = tmp_path / "plain.png"
    plain.write_bytes(to_png(np.full((300, 300, 3), 120, np.uint8)))
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(BundleError, match="is no bundle"):
        serve_with(bundle=tmp_path)
    with pytest.raises(BundleError, match="damaged"):
        serve_with(bundle=damaged)
    with pytest.raises(PortraitNotFoundError, match="nobody"):
        serve_with(bundle=bundle, portrait="nobody")
    with pytest.raises(PortraitError, match=r"text\.png"):
        serve_with(bundle=bundle, portrait=str(text))
    with pytest.raises(ConfigError, match="hop_frames"):
        serve_with(bundle=bundle, hop_frames=500)
    with pytest.raises(ConfigError, match="profile 'fast'"):
        serve_with(bundle=bundle, profile="fast")
    with pytest.raises(ConfigError, match="port"):
        serve_with(bundle=bundle, port=70_000)
    with pytest.raises(ConfigError, match="emotion 'grumpy'"):
        serve_with(bundle=bundle, emotion="grumpy")
    with pytest.raises(PortraitError, match="face"):
        serve_with(bundle=bundle, portrait=str(plain))


@pytest.mark.parametrize("crop", [True, False])
def test_a_picture_of_ones_own_comes_first_and_is_cut_unless_told_not_to(
    bundle: Path, tmp_path: Path, crop: bool
) -> None:
    picture = tmp_path / "me.png"
    picture.write_bytes(to_png(np.full((60, 40, 3), 120, np.uint8)))
    gallery = bundle_gallery(bundle, read_manifest(bundle), str(picture), crop)
    own, *others = gallery.all()
    assert (own.title, own.crop) == ("me", crop)
    assert [(each.name, each.crop) for each in others] == [("anna", False), ("ben", False)]


def test_a_taken_port_ends_the_program_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    sockets = listen("127.0.0.1", 0)
    with pytest.raises(SystemExit) as ended:
        main(lambda: serve_with(port=port_of(sockets)))
    for each in sockets:
        each.close()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://localhost:8080"),
        ("0.0.0.0", "http://localhost:8080"),
        ("192.0.2.5", "http://192.0.2.5:8080"),
        ("fd00::2", "http://[fd00::2]:8080"),
    ],
)
def test_the_address_is_one_that_a_browser_gives_the_microphone_to(host: str, expected: str) -> None:
    assert address(host, 8080) == expected
