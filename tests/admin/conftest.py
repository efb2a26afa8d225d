"""What the tests of the admin need besides its site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medusa_migrations import api
from tests.support.admin_site import Queue, Site, on_databases
from tests.support.projects import Server


@pytest.fixture
def built(site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As in production: only what is built counts. Call it to build."""
    monkeypatch.setattr("medusa_migrations.conf.is_testing", lambda: False)
    settings.MEDUSA_MIGRATIONS |= {"AUTO_BUILD": False}
    return api.build


@pytest.fixture
def other(site: Site, server: Server) -> Iterator[str]:
    """A second database, with the alias `other`."""
    name = f"{site.project.database}_2"
    server.create_database(name)
    with on_databases(server, default=site.project.database, other=name):
        yield name
    server.drop_database(name)


@pytest.fixture
def queue(tmp_path: Path, settings: Any, site: Site) -> Iterator[Queue]:
    settings.MEDUSA_MIGRATIONS |= {"ADMIN_ENGINE": "celery"}
    found = Queue(tmp_path / "queue")
    yield found
    found.app.close()
