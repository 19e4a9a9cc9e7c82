"""`float-avatar bench avatar`, `session` and `compare`: an avatar alone, in calls, and two files side by side."""

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
    plot: Annotated[Path | None, typer.Option(help="A PNG file for the stages.")] = None,
) -> None:
    """Call the real server, speak, and tell where the time goes from the microphone to the eye and the ear."""
    from bench.latency_plot import check_plot, draw_latency
    from bench.record_file import check_place, write_text
    from bench.session_latency import bench_session
    from bench.session_settings import SessionSettings

    for place in filter(None, (output, plot)):
        check_place(place)
    if plot is not None:
        check_plot()
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
    if plot is not None:
        draw_latency(report, plot)


def compare(
    first: Annotated[Path, typer.Argument(help="A JSON file that a benchmark wrote.")],
    second: Annotated[Path, typer.Argument(help="Another one of the same benchmark.")],
) -> None:
    """Put two files of figures side by side, with the ratio of the second to the first."""
    from bench.comparison import comparison_table
    from bench.record_file import read_record

    typer.echo(comparison_table(read_record(first), read_record(second)))


def avatar(
    bundle: Annotated[Path | None, typer.Option(help="The avatar to measure; else the one that ships.")] = None,
    hop_frames: Annotated[int | None, typer.Option(help="One pair instead of the named profiles.")] = None,
    lookahead_frames: Annotated[int | None, typer.Option(help="One pair instead of the named profiles.")] = None,
    speech: Annotated[Path | None, typer.Option(help="A file to speak; else a buzz in syllables.")] = None,
    duration_s: Annotated[float, typer.Option("--seconds", help="Of sound in each run.")] = 10.0,
    num_rounds: Annotated[int, typer.Option("--rounds", help="Whose median is shown.")] = 3,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    num_threads: Annotated[int | None, typer.Option("--threads", help="Of each engine; else their own choice.")] = None,
    output: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
) -> None:
    """Paint as fast as it goes, talking and idle: frames a second, and what a frame costs by stage."""
    from bench.avatar_throughput import ThroughputSettings, bench_avatar
    from bench.record_file import check_place, write_text
    from bundles import embedded_bundle
    from bundles.manifest import read_manifest
    from media.picture_file import read_picture

    if output is not None:
        check_place(output)
    folder = bundle or embedded_bundle()
    manifest = read_manifest(folder, verify_sums=False)
    picture = read_picture(folder / manifest.portraits[manifest.default_portrait].file)
    settings = ThroughputSettings(
        folder,
        hop_frames,
        lookahead_frames,
        speech,
        duration_s,
        num_rounds,
        engine,
        num_threads,
    )
    report = bench_avatar(settings, picture, lambda step: typer.echo(f"{step} ...", err=True))
    typer.echo(report.table())
    if output is not None:
        write_text(output, json.dumps(report.to_json(), indent=2) + "\n")
