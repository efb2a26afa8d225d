"""A project that several tests begin with: it is made once, and each has a copy of its folder and of its database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.projects import Project, Server


@contextmanager
def original(server: Server, folder: Path, name: str) -> Iterator[Project]:
    """An empty project to be filled once; `name` is of its database, and no two have the same at a time."""
    database = f"test_{name}_{os.getpid()}"
    server.create_database(database)
    yield Project(folder, server, database)
    server.drop_database(database)


def begin_with(project: Project, database: str) -> None:
    """Give the project, whose database was empty, a copy of another one."""
    project.server.drop_database(project.database)
    project.server.create_database(project.database, database)


def copied(made: Project, project: Project) -> Project:
    """`project`, which was empty, as `made` is."""
    begin_with(project, made.database)
    shutil.copytree(made.folder, project.folder, dirs_exist_ok=True)
    project.apps, project.extra = [*made.apps], made.extra
    project.env, project.settings = {**made.env}, {**made.settings}
    return project
