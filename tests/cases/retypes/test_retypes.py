"""Each column that got another type was an ALTER TABLE of its own, which wrote the whole table anew; nothing was said
of locks, and of what a down part needs nothing on the terminal. Found by an attack.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from medusa_migrations.generate.file import file_text
from tests.support.drafts import Bench, Models, models_of
from tests.support.generated import FIRST, generate
from tests.support.projects import Project


def book(kind: Any, count: int = 3, **fields: Any) -> Models:
    columns = {f"n{number}": kind(db_default=number) for number in range(count)}
    return models_of(Book=columns | {"text": models.TextField(db_default="")} | fields, Other={"n": kind()})


@pytest.mark.smoke
def test_the_columns_of_a_table_get_their_types_together(bench: Bench) -> None:
    bench.become(book(models.IntegerField))
    bench.session.execute("CREATE VIEW v AS SELECT 1; INSERT INTO blog_book (text) VALUES ('a')")
    before = bench.catalog()
    draft = bench.become(book(models.BigIntegerField, text=models.CharField(max_length=9, db_default="b")))
    retypes = [one for one in draft.up if " TYPE " in one.sql]
    assert [one.sql.count(" TYPE ") for one in retypes] == [4, 1]
    assert retypes[0].note == (
        "Trailing blanks beyond 9 characters of blog_book.text are cut; a longer value is an error."
    )
    assert retypes[0].findings == (
        "rewrite: ALTER COLUMN … TYPE writes blog_book anew, indexes included, while its reads and writes wait.",
    )
    assert bench.session.query("SELECT n0, n2, text FROM blog_book") == [(0, 2, "a")]
    bench.run(draft.down)
    assert bench.catalog() == before


def test_what_each_loses_is_said(bench: Bench) -> None:
    bench.become(book(models.FloatField, 2))
    draft = bench.draft(book(models.IntegerField, 2))
    assert [one.loses for one in draft.up if one.loses] == [
        "what integer cannot hold of blog_book.n0, which was double precision, and what integer cannot hold of "
        "blog_book.n1, which was double precision",
        "what integer cannot hold of blog_other.n, which was double precision",
    ]


def test_locks_are_told_of_above_the_statement(bench: Bench) -> None:
    def text(wanted: Models) -> str:
        return file_text("blog", bench.draft(wanted), []).partition("-- migrate:down")[0]

    assert "-- index-build:" not in text(models_of(Book={"n": models.IntegerField(db_index=True)}))
    bench.become(models_of(Book={"n": models.IntegerField(), "m": models.IntegerField()}))
    indexed = models_of(Book={"n": models.IntegerField(db_index=True), "m": models.IntegerField(unique=True)})
    assert (
        text(indexed).count("-- A comment that begins with a code, such as `scan:`, is what migrations_lint finds") == 1
    )
    assert text(indexed).count("-- index-build:") == 2
    bench.become(indexed)
    assert "-- index-build:" not in text(models_of(Book={}))


def test_what_the_down_part_needs_is_said(project: Project) -> None:
    project.add_models("blog", "class Book(models.Model):\n    n = models.IntegerField(unique=True)\n")
    generate(project, "--timestamp", FIRST).ok()
    project.run().ok()
    project.add_models("blog", "class Book(models.Model):\n    pass\n")
    assert "In the down part: Fill blog_book.n below this" in generate(project).ok().stderr
