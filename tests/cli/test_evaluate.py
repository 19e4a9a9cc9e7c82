"""`float-avatar evaluate`: its settings, and what is wrong as one line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.evaluate import evaluate
from cli.main import app
from contract.errors import BundleError, ConfigError

WIDE = {"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"}


def test_help_tells_the_settings() -> None:
    done = CliRunner().invoke(app, ["evaluate", "--help"], env=WIDE)
    assert done.exit_code == 0
    text = " ".join(done.output.split())
    for word in ("--bundle", "--rows", "--output", "--photographs", "--document", "--quick", "no training has met"):
        assert word in text


@pytest.mark.system("skia")
def test_what_can_t_be_measured_is_named_before_anything_is_written(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(ConfigError, match=r"rows \['smell'\] are unknown"):
        evaluate(rows="smell, lips", output=output)
    with pytest.raises(BundleError, match="is no bundle"):
        evaluate(bundle=tmp_path, output=output)
    assert not output.exists()
