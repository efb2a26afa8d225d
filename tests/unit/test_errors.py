"""Errors as values: what one process gives another."""

from __future__ import annotations

import pickle

import pytest

from medusa_migrations import errors
from medusa_migrations.errors import (
    BuildError,
    FileError,
    Interrupted,
    MigrationError,
    MigrationFailed,
    NotReady,
    PlanError,
    locate,
    most_like,
)
from medusa_migrations.messages import N_, Message
from medusa_migrations.migration import Direction, MigrationId
from medusa_migrations.results import WaitResult
from medusa_migrations.run_result import Failure, RunResult

ID = MigrationId("blog", "20240101000000_posts")
RESULT = RunResult("default", Direction.UP, error=Failure(ID, "no", "posts.sql", 3, 8, "42703"))
PLACE = locate("posts.sql", "SELECT 1;\nSELECT nothing;", 17)

ERRORS = [
    PlanError(N_("There is no migration {text!r}.", text="x")),
    FileError(N_("it is empty"), PLACE, N_("Write it.")),
    FileError("it is empty", "posts.sql"),
    BuildError([FileError("it is empty", "posts.sql"), FileError("it is no SQL", PLACE)]),
    Interrupted("Stopped by SIGINT.", "SIGINT", RESULT),
    MigrationFailed("It failed.", RESULT),
    NotReady("Not yet.", WaitResult("default", False, 5000)),
]


def test_all_classes_that_take_more_than_a_message_are_here() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MigrationError)}
    assert {kind for kind in kinds if "__init__" in vars(kind)} <= {type(error) for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_behind_pickle(error: MigrationError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert repr(vars(found)) == repr(vars(error))
    if isinstance(error.args[0], Message):
        assert found.in_language("«{}»".format) == error.in_language("«{}»".format)


IDS = (
    "blog.20240101000001_add_slug",
    "blog.20240101000002_add_authors_and_posts",
    "shop.20240101000002_uni",
    "shop.20240101000003_product",
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("blog.20240101000001_ad_slug", "blog.20240101000001_add_slug"),
        ("blog.2024010100000", "blog.20240101000001_add_slug"),
        ("blog.20240101000002", "blog.20240101000002_add_authors_and_posts"),
        ("add_authors", "blog.20240101000002_add_authors_and_posts"),
        ("slug", "blog.20240101000001_add_slug"),
        ("uni", ""),
        ("nothing_of_it", ""),
        ("", ""),
    ],
    ids=["misspelt", "its beginning", "its timestamp", "its name", "its end", "too short", "unlike all", "nothing"],
)
def test_what_was_meant_is_most_like_it_or_has_it_in_it(typed: str, meant: str) -> None:
    assert most_like(typed, iter(IDS)) == meant
