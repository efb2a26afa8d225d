"""What the cases begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.drafts import Bench, open_bench
from tests.support.projects import Server


@pytest.fixture(scope="module")
def database(server: Server, django_db_blocker: Any, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with django_db_blocker.unblock(), open_bench(server, request.module.__name__.rpartition(".")[2]) as bench:
        yield bench


@pytest.fixture
def bench(database: Bench) -> Bench:
    """An empty database for models that are made in the test."""
    database.reset()
    return database
