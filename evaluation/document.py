"""A place in a Markdown file for what was measured, between two marks."""

from pathlib import Path

from contract.errors import ConfigError

BEGIN_MARK, END_MARK = "<!-- measured -->", "<!-- end of what was measured -->"


def put_table(document: Path, text: str | None) -> None:
    """Replace what stands between a document's marks; None only looks for them. Raises ConfigError without them."""
    try:
        before, _, rest = document.read_text("utf-8").partition(BEGIN_MARK)
    except OSError as error:
        raise ConfigError(f"{document} can't be read: {error.strerror}") from error
    _, mark, after = rest.partition(END_MARK)
    if not mark:
        raise ConfigError(f"{document} has no place for the table, expected the lines {BEGIN_MARK} and {END_MARK}")
    if text is not None:
        document.write_text(f"{before}{BEGIN_MARK}\n{text}{END_MARK}{after}", "utf-8")
