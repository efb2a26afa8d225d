"""docs/index.md is right: whoever does what it says, in an empty folder, sees what it shows.

Its blocks are made into one script for a shell on a terminal. A file's block is written where its title says. Where a
command has output on the page, it has the same here but for times, durations and the timestamps in names; the database
has a name of its own.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from project import postgres
from tests.support.projects import ROOT, Server

PAGE = (ROOT / "docs/index.md").read_text()
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PROMPT = "[y/N] "


class Command(NamedTuple):
    """A line behind a `$`, and what the page shows below it."""

    line: str
    shown: str


class File(NamedTuple):
    """A file's text, or what is added to its end."""

    path: str
    text: str
    is_end: bool


def steps() -> Iterator[Command | File]:
    """What the page has its reader do, in its order."""
    for language, title, text in BLOCK.findall(PAGE):
        if language == "console":
            for line, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                yield Command(line, shown)
        else:
            path, _, rest = title.partition(", ")
            yield File(path, text, is_end=rest == "at the end")


def script(database: str) -> str:
    """All of it as a script that ends the output of each command with a line `= CODE`."""
    lines = []
    for step in steps():
        if isinstance(step, Command):
            lines.append(f'{step.line.replace("mysite_db", database)}\necho "= $?"')
        else:
            path = re.sub(r"\d{14}", "*", step.path)  # made by a command, at its own time
            text = shlex.quote(step.text.replace("mysite_db", database))
            lines.append(f"printf %s {text} {'>>' if step.is_end else '>'} {path}")
    return "\n".join(lines)


def on_terminal(text: str, folder: Path, environment: dict[str, str]) -> str:
    """What a shell shows that runs the script `text`, and in which somebody answers y to what is asked."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "-c", text], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        said = ""
        while found := _read(ours):
            said += found
            if said.endswith(PROMPT):
                os.write(ours, b"y\n")
    os.close(ours)
    return said.replace("\r\n", "\n")


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 100_000).decode(errors="replace")
    except OSError:  # Linux, of a terminal that nobody has any more
        return ""


def comparable(text: str) -> str:
    """`text` with a word in place of each time and duration, and its timestamps as numbers in their order."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "MOMENT", text)
    text = re.sub(r"\b\d+ ms\b|\b\d+\.\d s\b", "DURATION", text)
    known = sorted(set(re.findall(r"\b\d{14}(?=_)", text)))
    return re.sub(r"\b\d{14}(?=_)", lambda found: f"TIME{known.index(found[0])}", text)


def sources(folder: Path) -> Path:
    """A copy of what the wheel is made of: in the repository itself setuptools would leave a folder behind."""
    copy, compiled = folder / "sources", shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "medusa_migrations", copy / "medusa_migrations", ignore=compiled)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


def test_the_first_page_is_what_happens(server: Server, tmp_path: Path) -> None:
    database, wheels, folder = f"test_first_page_{os.getpid()}", tmp_path / "wheels", tmp_path / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "-w", wheels, sources(tmp_path)], check=True)
    path = [str(Path(sys.executable).parent), os.environ["PATH"]]
    path.append(str(postgres.programs()))  # where there is no createdb
    parameters = {f"PG{name.upper()}": str(value) for name, value in server.parameters.items()}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "MEDUSA_", "PYTHON"))},
        **parameters,
        "PATH": ":".join(path),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_COMPILE": "1",
        "PIP_NO_INDEX": "1",
        "DJANGO_COLORS": "nocolor",
    }
    try:
        said = on_terminal(script(database), folder, environment)
    finally:
        server.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
    commands = [step for step in steps() if isinstance(step, Command)]
    ran = re.findall(r"(.*?)^= (\d+)\n", said, re.MULTILINE | re.DOTALL)
    assert len(ran) == len(commands) > 12, said
    codes = [int(code) for _, code in ran]
    assert codes == ["CommandError" in command.shown for command in commands], said
    outputs = [output for (output, _), command in zip(ran, commands, strict=True) if command.shown]
    assert comparable("".join(outputs)) == comparable("".join(command.shown for command in commands))
