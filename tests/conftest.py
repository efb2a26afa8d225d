from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dj_database_url
import pytest

from project import postgres
from tests.projects import ROOT, Project, Server
from tests.shop import make_shop


def start_server() -> Server:
    """PostgreSQL as the example project finds it: DATABASE_URL, else the embedded one, in TEST_POSTGRES if set."""
    url = os.environ.get("DATABASE_URL")
    if url:
        given = dj_database_url.parse(url)
        names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
        return Server({name: given[key] for key, name in names.items() if given.get(key)}, given["NAME"])
    host = postgres.start(ROOT / os.environ.get("TEST_POSTGRES", ".postgres"))
    return Server({"host": str(host), "port": postgres.PORT, "user": "postgres"}, "postgres")


@pytest.fixture(scope="session")
def server() -> Server:
    return start_server()


@pytest.fixture
def project(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """An empty project with one app, `blog`, and an empty database."""
    name = f"test_{os.getpid()}_{abs(hash(request.node.nodeid)) % 10**12}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    folder = tmp_path / "project"
    folder.mkdir()
    yield Project(folder, server, name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def shop(project: Project) -> Project:
    return make_shop(project)
