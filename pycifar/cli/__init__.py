"""The `pycifar` command: `main` finds the command, runs it and turns errors into exit codes.

Results go to the standard output; progress and errors go to the standard error stream. The exit
code is 0 for success, 1 for a failure or an interrupt, and 2 for a wrong command line.
"""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from pycifar.cli.output import ResultLostError, drop_lost_messages, results_on_stdout
from pycifar.cli.parser import COMMANDS, UsageError, command_parser, read_command_line
from pycifar.console import say
from pycifar.errors import ArgumentError, PycifarError
from pycifar.interrupts import signals_raise

__all__ = ["main"]

DONE, FAILED, USAGE = 0, 1, 2

# The commands that are not called as the functions behind them.
COMMANDS_OF = {
    "adopt_model": "adopt",
    "export_model": "export",
    "extract_features": "features",
    "inspect_model": "inspect",
    "list_architectures": "architectures",
    "write_model_card": "card",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the name of the program; None takes them from `sys.argv`.

    Returns:
        The exit code: 0 success, 1 failure or interrupt, 2 wrong usage.

    Examples:
        >>> from pycifar.cli import main
        >>> status = main(["architectures"])  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
        softmax 3072 pixels, dense 10
        ...
        >>> status
        0
    """
    # A character that the terminal cannot show, as in a path, is escaped in place of an error.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    command = None
    try:
        command, options = read_command_line(sys.argv[1:] if argv is None else argv)
        with signals_raise(), results_on_stdout():
            return _run(command, options)
    except ResultLostError as error:
        _say(command, f"the result cannot be shown: {error}. Files that were asked for are kept.")
        return FAILED
    except SystemExit as finished:  # --help and --version, or a signal
        return int(finished.code or DONE)
    except KeyboardInterrupt:
        _say(command, "interrupted before it was done.")
        return FAILED
    except Exception as error:
        return _report(command, error)
    finally:
        drop_lost_messages()


def _run(command: str, options: Namespace) -> int:
    from pycifar.cli import commands, sharing

    name = command.replace("-", "_")
    home = sharing if name in sharing.__all__ else commands
    run: Callable[[Namespace], int] = getattr(home, name)
    return run(options)


def _report(command: str | None, error: Exception) -> int:
    """Show an error in the terms of the command line, and return the exit code."""
    if os.environ.get("PYCIFAR_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, UsageError):
        command = error.command
    if not isinstance(error, PycifarError):
        lines = str(error).strip().splitlines() or [""]
        _say(command, f"unexpected {type(error).__name__}: {lines[0]}")
        if isinstance(error, ImportError):
            _say(None, "`pycifar doctor` shows what is missing, and how to get it.", "  ")
        _say(None, "PYCIFAR_DEBUG=1 shows where it comes from.", "  ")
        return FAILED
    _say(command, _in_options(command, error.message))
    if error.fix:
        _say(None, _in_options(command, error.fix), "  ")
    if not isinstance(error, ArgumentError):
        return FAILED
    _say(None, f"See `{_program(command)} --help`.", "  ")
    return USAGE


def _in_options(command: str | None, message: str) -> str:
    """Return a message with names of arguments as options, and of functions as commands.

    So `batch_size` becomes `--batch-size`, and train() becomes `pycifar train`.
    """
    if command not in COMMANDS:
        return message
    options = {
        action.dest: action.option_strings[0]
        for action in command_parser(command)._actions
        if action.option_strings
    }
    options["source"] = options.get("dataset", "source")  # what `load_dataset` calls --dataset
    message = re.sub(r"`(\w+)`", lambda match: f"`{options.get(match[1], match[1])}`", message)
    return re.sub(r"(?<![.\w])(\w+)\(\)", lambda match: _as_command(match[1]), message)


def _as_command(function: str) -> str:
    """Return the command that does what a function does, or the function if there is none."""
    if function == "load_model":
        return "each command that takes a model"
    name = COMMANDS_OF.get(function, function.replace("_", "-"))
    return f"`pycifar {name}`" if name in COMMANDS else f"{function}()"


def _program(command: str | None) -> str:
    return f"pycifar {command}" if command else "pycifar"


def _say(command: str | None, text: str, indent: str = "") -> None:
    say(f"{indent or f'{_program(command)}: '}{text}")
