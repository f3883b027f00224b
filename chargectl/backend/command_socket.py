"""Commands for the demo backend over a Unix socket: one line of text in, one line of JSON out, for each connection."""

import asyncio
import contextlib
import json
import shlex
import socket
import stat
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from chargectl.output import Failure, print_json
from services.exit_codes import ExitCode

LONGEST_LINE = 16 * 1024
LARGEST_ANSWER = 4 * 1024 * 1024
LINE_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0
"""More than the 30 s that the backend waits for a station."""
MOST_PATH = 100


class Outcome(NamedTuple):
    """What came of one command at one station, or at the backend itself."""

    text: str
    code: ExitCode = ExitCode.OK


Obey = Callable[[str], Awaitable[Sequence[Outcome]]]
"""Raises ValueError (with words) for a line it does not understand."""


async def listen(path: Path, obey: Obey) -> asyncio.AbstractServer:
    """Raises Failure: something else is there."""
    if len(str(path).encode()) > MOST_PATH:
        raise Failure(f"{path} is too long for a socket: choose a shorter --socket", ExitCode.USAGE)
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise Failure(f"{path} exists and is no socket: choose another --socket", ExitCode.USAGE)
    if _answers(path):
        raise Failure(
            f"another backend listens at {path}: end it, or choose another --socket", ExitCode.ALREADY_RUNNING
        )
    path.unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            line = await asyncio.wait_for(_line(reader), LINE_WITHIN_S)
            writer.write(json.dumps(await _answer(line, obey)).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, path, limit=LONGEST_LINE)
    path.chmod(0o600)
    return server


async def _line(reader: asyncio.StreamReader) -> str | None:
    """None: longer than LONGEST_LINE."""
    try:
        return (await reader.readline()).decode("utf-8", "replace")
    except ValueError:
        return None


async def _answer(line: str | None, obey: Obey) -> dict[str, object]:
    try:
        if line is None:
            raise ValueError(f"longer than {LONGEST_LINE} characters")
        outcomes = await obey(line)
    except ValueError as error:
        return {"lines": [str(error)], "exit_code": int(ExitCode.USAGE)}
    return {
        "lines": [each.text for each in outcomes],
        "exit_code": max((int(each.code) for each in outcomes), default=0),
    }


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def send(path: Path, words: Sequence[str], *, as_json: bool) -> int:
    """Passes the command on, prints what came of it, returns the exit code. Raises Failure."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_WITHIN_S)
            connection.connect(str(path))
            connection.sendall(shlex.join(words).replace("\n", " ").encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = json.loads(answers.readline(LARGEST_ANSWER))
            lines, code = [str(each) for each in answer["lines"]], ExitCode(answer["exit_code"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"no demo backend answers at {path} ({error}); ./run and `chargectl backend` have one, a real one is told "
            "by its own means",
            ExitCode.NOT_RUNNING,
        ) from error
    if code is not ExitCode.OK:
        raise Failure("; ".join(lines), code)
    if as_json:
        print_json({"ok": True, "lines": lines})
    else:
        print("\n".join(lines))
    return int(code)
