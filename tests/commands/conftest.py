"""Projects that the tests of a command begin with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations.database.session import Session
from tests.support.copies import begin_with, copied, original
from tests.support.generated import BOOK, FIRST
from tests.support.projects import Project, Server
from tests.support.sessions import session_on
from tests.support.shop import make_shop


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


@pytest.fixture(scope="session")
def shop_on_auth(server: Server, tmp_path_factory: pytest.TempPathFactory, shop_build: Path) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("on_auth"), "on_auth") as project:
        shutil.copytree(shop_build, project.folder / "dist")
        make_shop(project).manage("migrate", "auth").ok()
        yield project


@pytest.fixture(scope="session")
def applied_shop(server: Server, tmp_path_factory: pytest.TempPathFactory, shop_on_auth: Project) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("applied"), "applied") as project:
        copied(shop_on_auth, project).manage("migrate").ok()
        yield project


@pytest.fixture
def auth_is_there(project: Project, shop_on_auth: Project) -> None:
    """The project's database has the tables of Django's auth and contenttypes: to make them is most of a `migrate`."""
    begin_with(project, shop_on_auth.database)


@pytest.fixture
def all_is_applied(project: Project, applied_shop: Project) -> None:
    """The project's database is as the shop's after `migrate`."""
    begin_with(project, applied_shop.database)


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
