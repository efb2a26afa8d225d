"""Commands in the tests' own process: most of what a short one takes is the start of another."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import BaseCommand, CommandError, call_command

from tests.support.builders import installed
from tests.support.projects import Project


def error_here(project: Project, command: BaseCommand, **options: Any) -> str:
    """What the command fails with, where the project's one app is `blog`.

    pytest-django must have been told to let connections be made (`django_db_blocker.unblock`), and a command for a
    database finds that of `session_on`.
    """
    settings = {"BASE_DIR": project.folder, "MEDUSA_MIGRATIONS": {}}
    with installed("blog", path=project.folder, **settings), pytest.raises(CommandError) as caught:
        call_command(command, **options)
    assert caught.value.returncode == 1
    assert "Traceback" not in str(caught.value)
    return str(caught.value)
