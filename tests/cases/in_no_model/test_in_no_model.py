"""What the database has and no model: defaults for the code of the last release were dropped unnamed and could not be
kept, comments went unnamed, and names that PostgreSQL makes up were taken for a person's. Found on real projects.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from tests.support.drafts import Bench, Models, models_of


def book(**fields: Any) -> Models:
    return models_of(Book={"n": models.IntegerField(), "m": models.IntegerField(db_default=1)} | fields)


def sql(bench: Bench, wanted: Models, **options: Any) -> list[str]:
    return [one.sql for one in bench.draft(wanted, **options).up]


class TestDefaults:
    @pytest.fixture
    def books(self, bench: Bench) -> Bench:
        bench.become(book())
        bench.session.execute("ALTER TABLE blog_book ALTER n SET DEFAULT 7")
        return bench

    def test_one_that_goes_is_named(self, books: Bench) -> None:
        draft = books.draft(book(m=models.IntegerField()))
        said = sorted(draft.warnings)
        assert [one.split(",")[0] for one in said] == [
            "The default of blog_book.m is in no model",
            "The default of blog_book.n is in no model",
        ]
        assert "`-- migrate:keep blog_book.n.default`" in said[1]

    @pytest.mark.parametrize("glob", ["blog_book.n.default", "blog_*.n.default", "*.default"])
    def test_one_that_is_kept(self, books: Bench, glob: str) -> None:
        assert books.draft(book(), ignore=[glob]).up == ()

    @pytest.mark.smoke
    def test_one_that_a_model_has_is_compared_all_the_same(self, books: Bench) -> None:
        keep = ["*.default"]
        assert sql(books, book(m=models.IntegerField(db_default=2)), ignore=keep) == [
            'ALTER TABLE "blog_book" ALTER COLUMN "m" SET DEFAULT 2'
        ]
        before = books.catalog()
        draft = books.become(
            book(n=models.IntegerField(db_default=3), x=models.IntegerField(db_default=4)), ignore=keep
        )
        columns = books.catalog()["blog_book"].columns
        assert (columns["n"].default, columns["x"].default) == ("3", "4")
        books.run(draft.down)
        assert books.catalog() == before

    def test_it_stays_when_its_column_is_renamed_and_gets_another_type(self, books: Bench) -> None:
        keep = ["blog_book.n.default"]
        wanted = models_of(Book={"z": models.BigIntegerField(), "m": models.IntegerField(db_default=1)})
        draft = books.become(wanted, ignore=keep, renames=["blog_book.n=z"])
        assert books.catalog()["blog_book"].columns["z"].default == "7"
        assert draft.warnings == (
            "The default of blog_book.n is kept: see that the new type can have it, or the run fails.",
        )
        assert books.draft(wanted, ignore=["blog_book.z.default"]).up == ()

    def test_it_goes_with_a_column_that_is_made_again(self, books: Bench) -> None:
        draft = books.draft(book(n=models.DateField(null=True)), ignore=["*.default"])
        assert "The default of blog_book.n is kept, but goes with the column: set it again." in draft.warnings


def test_comments(bench: Bench) -> None:
    bench.become(book())
    bench.session.execute(
        "COMMENT ON TABLE blog_book IS 'a'; COMMENT ON COLUMN blog_book.n IS 'b';"
        "COMMENT ON CONSTRAINT blog_book_pkey ON blog_book IS 'c'"
    )
    places = ("blog_book", "blog_book.n", "blog_book.blog_book_pkey")
    assert sorted(bench.draft(book()).warnings) == sorted(
        f"The comment on {place} is in no model, and goes." for place in places
    )


def test_names_that_nobody_gave(bench: Bench) -> None:
    """As PostgreSQL makes them up for `unique=True` and positive numbers; and what an index is on in an expression."""
    indexes = [
        models.Index(fields=["m"], name="partial", condition=models.Q(x=1)),
        models.Index(models.F("x") + 1, name="expression"),
    ]
    fields = {"n": models.PositiveIntegerField(unique=True), "x": models.IntegerField()}
    bench.become(book(**fields, Meta={"indexes": indexes}))
    assert bench.draft(book()).warnings == ()
    bench.session.execute(
        "ALTER TABLE blog_book ADD CONSTRAINT natural_key UNIQUE (n, m), ADD CONSTRAINT sane_check CHECK (n < 9);"
    )
    said = bench.draft(book()).warnings
    assert [one.split(" is in no model")[0] for one in said] == ["blog_book.natural_key", "blog_book.sane_check"]
