"""`float-avatar evaluate`: how good an avatar is, measured where the truth is known; one table.

In: a bundle. Out: the table on standard output, and FOLDER with table.md, figures.json and sheets of pictures.
"""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    bundle: Annotated[Path | None, typer.Option(help="Folder of the avatar; without it the one that ships.")] = None,
    rows: Annotated[str | None, typer.Option(help="Rows to measure, such as image,lips; without it all.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for table, figures and pictures.")] = Path("runs/evaluation"),
    photographs: Annotated[
        Path | None, typer.Option(help="Folder of frontal photographs, beside those that installed packages hold.")
    ] = None,
    document: Annotated[
        Path | None, typer.Option(help="Markdown file whose table is replaced, such as docs/evaluation.md.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Try the machinery in a minute; the figures mean nothing.")] = False,
) -> None:
    """Judge an avatar on people, voices and sentences that no training has met."""
    from bundles import embedded_bundle
    from evaluation.run import EvaluationConfig
    from evaluation.run import evaluate as measure
    from evaluation.table import as_markdown

    asked = tuple(row.strip() for row in rows.split(",") if row.strip()) if rows else ()
    config = EvaluationConfig(bundle or embedded_bundle(), asked, photographs, document, quick)
    figures = measure(config, output, lambda line: typer.echo(line, err=True))
    typer.echo(as_markdown(figures))
