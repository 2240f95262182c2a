"""What every step shares: how it speaks, how it runs a command, how it stops the set-up."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path


class SetupError(Exception):
    """The set-up cannot go on; the message tells the user what to do."""


def announce(what: str) -> None:
    """Say what is about to be done, since some steps take minutes."""
    print(f"==> {what}", flush=True)


def run(command: Sequence[str | Path], purpose: str, **environment: str) -> None:
    """Run a command quietly, and show its output only where it fails.

    Args:
        command: the program and its arguments.
        purpose: what the command is for, for the message when it fails.
        **environment: variables to set beside the present ones.

    Raises:
        SetupError: when the command's exit status is not 0.
    """
    arguments = [str(part) for part in command]
    done = subprocess.run(
        arguments,
        env=os.environ | environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise SetupError(
            f"{done.stdout}\n"
            f"{purpose} failed: `{' '.join(arguments)}` ended with status {done.returncode}."
        )


def ask(command: Sequence[str | Path], **environment: str) -> str:
    """Return the standard output of a command, or nothing where it fails or does not exist."""
    arguments = [str(part) for part in command]
    try:
        answer = subprocess.run(
            arguments, env=os.environ | environment, check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        return ""
    return answer.stdout if answer.returncode == 0 else ""
