"""`float-avatar bench`: figures of this machine, each command one kind."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.bench_calls import avatar, compare, session
from contract.errors import ConfigError

bench = typer.Typer(no_args_is_help=True, help="Measure on this machine.")
bench.command()(avatar)
bench.command()(session)
bench.command()(compare)


@bench.callback()
def kinds() -> None:
    """Measure on this machine."""


@bench.command()
def engines(
    bundle: Annotated[Path | None, typer.Option(help="The bundle to measure; else networks are made.")] = None,
    size: Annotated[str, typer.Option(help="Of the networks that are made: official or embedded.")] = "official",
    engine: Annotated[
        list[str] | None, typer.Option(help="An engine to measure, any number; else all there are.")
    ] = None,
    num_threads: Annotated[int, typer.Option("--threads", help="Of each engine and of PyTorch.")] = 2,
    num_rounds: Annotated[int, typer.Option("--rounds", help="Whose median is shown.")] = 5,
    output: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
) -> None:
    """Time every component on every engine beside the plain float32 PyTorch modules, and compare their numbers."""
    from bench.engine_report import BenchSettings, bench_engines

    if output is not None:
        _check_place(output)
    settings = BenchSettings(bundle, size, tuple(engine or ()), num_rounds, num_threads)
    report = bench_engines(settings, lambda step: typer.echo(f"{step} ...", err=True))
    typer.echo(report.table())
    if output is not None:
        report.write(output)


@bench.command()
def influence(
    bundle: Annotated[Path | None, typer.Option(help="The bundle to measure; without it the one that ships.")] = None,
    audio: Annotated[Path | None, typer.Option(help="Sound file of speech; else espeak-ng speaks.")] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or onnxruntime.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="float32 shows what windows do alone, auto the networks as they are served.")
    ] = "float32",
    output: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
    document: Annotated[
        Path | None, typer.Option(help="A Markdown file whose table is replaced, between its two marks.")
    ] = None,
) -> None:
    """Measure what short windows cost, by hop and look-ahead: in motion, in pixels, and at the seams."""
    from bench.influence_report import InfluenceSettings, bench_influence
    from evaluation.document import put_table

    if output is not None:
        _check_place(output)
    if document is not None:
        put_table(document, None)
    settings = InfluenceSettings(bundle, audio, engine, precision)
    report = bench_influence(settings, lambda step: typer.echo(f"{step} ...", err=True))
    typer.echo(report.markdown())
    if output is not None:
        report.write(output)
    if document is not None:
        put_table(document, report.markdown())


def _check_place(output: Path) -> None:
    """Before the minutes that measuring takes: raises ConfigError where the figures could not be written."""
    folder = output.resolve().parent
    if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ConfigError(f"{output} can't be written, expected a file in a folder that is there and may be written to")
