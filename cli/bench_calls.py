"""`float-avatar bench session`: calls with the real server, measured."""

import json
from pathlib import Path
from typing import Annotated

import typer


def session(
    bundle: Annotated[Path | None, typer.Option(help="The avatar to serve; else the one that ships.")] = None,
    portrait: Annotated[str | None, typer.Option(help="Name of one of its faces, or a picture file.")] = None,
    profile: Annotated[str | None, typer.Option(help="As serve takes it.")] = "interactive",
    hop_frames: Annotated[int | None, typer.Option(help="In place of the profile's.")] = None,
    lookahead_frames: Annotated[int | None, typer.Option(help="In place of the profile's.")] = None,
    speech: Annotated[Path | None, typer.Option(help="A file for the viewers to speak; else speech is made.")] = None,
    duration_s: Annotated[float, typer.Option("--seconds", help="Measured of each call.")] = 60.0,
    num_rounds: Annotated[int, typer.Option("--rounds", help="Of each call, whose median is shown.")] = 1,
    most_sessions: Annotated[int, typer.Option(help="To try at once; 1 tries one alone.")] = 4,
    viewer: Annotated[str, typer.Option(help="aiortc, chromium, or auto: both where there is a Chromium.")] = "auto",
    has_transport: Annotated[bool, typer.Option("--transport/--no-transport", help="Transport alone too.")] = True,
    output: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
) -> None:
    """Call the real server, speak, and tell where the time goes from the microphone to the eye and the ear."""
    from bench.record_file import check_place, write_text
    from bench.session_latency import bench_session
    from bench.session_settings import SessionSettings

    if output is not None:
        check_place(output)
    settings = SessionSettings(
        bundle,
        portrait,
        profile,
        hop_frames,
        lookahead_frames,
        speech,
        duration_s,
        num_rounds,
        most_sessions,
        viewer,
        has_transport,
    )
    report = bench_session(settings, lambda step: typer.echo(f"{step} ...", err=True))
    typer.echo(report.table())
    if output is not None:
        write_text(output, json.dumps(report.to_json(), indent=2) + "\n")
