"""Processes of commands, and other clients of the database beside them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.projects import Project


@contextmanager
def transaction(project: Project, sql: str) -> Iterator[Any]:
    """Another client's open transaction."""
    connection = project.server.connect(project.database, application_name="somebody")
    connection.autocommit = False
    connection.cursor().execute(sql)
    try:
        yield connection
    finally:
        connection.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=30)
    return process.returncode, stdout, stderr


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the process says on stderr up to the line that has `text`."""
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)
