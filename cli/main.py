"""`float-avatar`: the commands, and the one place where an error becomes a line for the reader.

Each command is the function of the same name (with _ for -) in a file of its own. Those files import nothing but
typer on top, so that help is quick and serving never meets what only training needs.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn

import typer

from contract.errors import FloatAvatarError

COMMANDS = ("serve", "generate", "import-checkpoint", "export", "calibrate", "train", "evaluate", "bench", "doctor")
TRAINING_PACKAGES = ("torch", "onnx", "onnxscript", "skia", "transformers", "safetensors", "huggingface_hub")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for name in COMMANDS:
    function = name.replace("-", "_")
    command = getattr(import_module(f"cli.{function}"), function)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


@app.callback()
def float_avatar() -> None:
    """One portrait and a live voice become a talking face, 25 frames a second."""


def main(run: Callable[[], object] = app) -> None:
    """Run the command line; an error of ours is one line on standard error and exit status 2."""
    try:
        run()
    except FloatAvatarError as error:
        _end(str(error))
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_PACKAGES:
            raise
        _end(f"this command needs {error.name}, which serving does without: install it with the extra `training`")


def _end(message: str) -> NoReturn:
    print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
