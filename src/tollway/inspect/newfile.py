"""Writes a file whole or not at all, and never over another unless told to."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tollway.errors import Fault, FaultsFound


def write_over(path: Path, text: str) -> None:
    """Replace the text of a file in one step; its mode stays, and so does a link to it.

    Raises:
        FaultsFound: it cannot be written.
    """
    path = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(path.stat().st_mode & 0o7777)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        mend = "Make the file and its folder writable."
        raise FaultsFound([Fault(str(path), f"cannot be written: {reason}", mend)]) from None


def write_new(path: Path, text: str, *, replace: bool) -> None:
    """Write `text` to `path` in one step.

    Raises:
        FaultsFound: the file is there and `replace` is not given, or it cannot be written.
    """
    write_new_lines(path, (text,), replace=replace)


def write_new_lines(path: Path, lines: Iterable[str], *, replace: bool) -> None:
    """Write lines, their ends included, to `path` in one step, without holding all of them.

    Raises:
        FaultsFound: the file is there and `replace` is not given, or it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)  # a fleet file holds no secrets, and mkstemp made it private
            if replace:
                Path(name).replace(path)
            else:
                path.hardlink_to(name)  # fails, in one step, where the file is there already
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        mend = "Choose another with --output, or replace it with --force."
        raise FaultsFound([Fault(str(path), "is there already", mend)]) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        mend = "Choose another place with --output."
        raise FaultsFound([Fault(str(path), f"cannot be written: {reason}", mend)]) from None
