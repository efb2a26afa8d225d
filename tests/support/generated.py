"""`makemigration --generate` on a project: a model, and the files that are made."""

from __future__ import annotations

from pathlib import Path

from tests.support.projects import Outcome, Project

BOOK = "class Book(models.Model):\n    title = models.CharField(max_length=100)\n"
FIRST = "20240101000000"


def generate(project: Project, *options: str, app: str = "blog") -> Outcome:
    return project.manage("makemigration", app, "--generate", *options)


def files(project: Project) -> list[Path]:
    return sorted((project.folder / "blog/sql_migrations").glob("*.sql"))
