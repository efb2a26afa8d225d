"""Projects that the tests of a command begin with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from medusa_migrations.database.session import Session
from tests.support.copies import copied, original
from tests.support.generated import BOOK, FIRST
from tests.support.projects import Project, Server
from tests.support.sessions import session_on


@pytest.fixture(scope="session")
def first_books(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("books"), "books") as project:
        project.add_models("blog", BOOK)
        project.manage_several(
            ("makemigration", "blog", "--generate", "--timestamp", FIRST), ("migrations_run", "--build")
        ).ok()
        yield project


@pytest.fixture
def books(first_books: Project, project: Project) -> Project:
    """A model whose table is there."""
    return copied(first_books, project)


@pytest.fixture(scope="module")
def session_database(server: Server) -> Iterator[str]:
    name = f"test_session_{os.getpid()}"
    server.create_database(name)
    yield name
    server.drop_database(name)


@pytest.fixture
def session(server: Server, session_database: str, django_db_blocker: Any) -> Iterator[Session]:
    """A session of this process on a database whose schema public is empty."""
    with django_db_blocker.unblock(), session_on(server, session_database) as session:
        session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield session
