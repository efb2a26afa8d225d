"""Commands in the tests' own process: most of what a short one takes is the start of another."""

from __future__ import annotations

import io

import pytest
from django.core.management import BaseCommand

from tests.support.builders import installed
from tests.support.projects import Outcome, Project


def error_here(project: Project, command: type[BaseCommand], *arguments: str) -> str:
    """As `Outcome.error` of the command, where the project's one app is `blog`.

    pytest-django must have been told to let connections be made (`django_db_blocker.unblock`), and a command for a
    database finds that of `session_on`.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    settings = {"BASE_DIR": project.folder, "MEDUSA_MIGRATIONS": {}}
    with installed("blog", path=project.folder, **settings), pytest.raises(SystemExit) as caught:
        command(stdout, stderr).run_from_argv(["manage.py", command.__module__.rpartition(".")[2], *arguments])
    assert isinstance(caught.value.code, int)
    return Outcome(caught.value.code, stdout.getvalue(), stderr.getvalue()).error()
