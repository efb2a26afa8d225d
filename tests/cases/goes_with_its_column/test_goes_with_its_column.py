"""What goes with a column or a table is not dropped by its name: a database whose names came about otherwise, by other
Django migrations, could run nothing of what was generated elsewhere. Found on a real project.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from tests.support.drafts import Bench, Models, models_of


def library(*, old: bool) -> Models:
    """Books, with everything on a column that there is; or without those columns and that table."""
    book: dict[str, Any] = {"n": models.IntegerField(unique=True), "m": models.IntegerField()}
    if not old:
        return models_of(Book=book)
    meta = {
        "constraints": [
            models.UniqueConstraint(fields=["code", "n"], name="u"),
            models.CheckConstraint(condition=models.Q(code__gt=models.F("m")), name="c"),
        ],
        "indexes": [
            models.Index(fields=["n"], name="p", condition=models.Q(code=1)),
            models.Index(models.F("code") + 1, name="e"),
        ],
    }
    book |= {
        "code": models.IntegerField(),
        "slug": models.SlugField(unique=True),
        "writer": models.ForeignKey("blog.Writer", models.CASCADE),
        "Meta": meta,
    }
    # In the order of their names a writer would go first.
    return models_of(Book=book, Writer={}, Zine={"writer": models.ForeignKey("blog.Writer", models.CASCADE)})


def give_other_names(bench: Bench) -> None:
    for table in bench.catalog().values():
        for number, one in enumerate([*table.constraints.values(), *table.indexes.values()]):
            what = f"TABLE {table.name} RENAME CONSTRAINT" if hasattr(one, "kind") else "INDEX"
            to = "TO" if hasattr(one, "kind") else "RENAME TO"
            bench.session.execute(f'ALTER {what} "{one.name}" {to} other_{table.name}_{number}')


@pytest.mark.smoke
def test_a_database_with_other_names_can_run_it(bench: Bench) -> None:
    bench.become(library(old=True))
    draft = bench.draft(library(old=False), drop_tables=True)
    give_other_names(bench)
    bench.run(draft.up)
    assert bench.draft(library(old=False)).up == ()
    bench.run(draft.down)
    again = bench.catalog()["blog_book"]
    assert {"u", "c"} <= {*again.constraints}
    assert {"p", "e"} <= {*again.indexes}


def test_down_can_run_in_it_too(bench: Bench) -> None:
    bench.become(library(old=False))
    before = bench.tables()
    draft = bench.become(library(old=True))
    assert not [one.sql for one in draft.down if "DROP CONSTRAINT" in one.sql or "DROP INDEX" in one.sql]
    give_other_names(bench)
    bench.run(draft.down)
    assert bench.tables() == before
    assert bench.draft(library(old=False)).up == ()


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE blog_book ADD CONSTRAINT thing EXCLUDE USING btree (code WITH =, n WITH =)",
        "CREATE INDEX thing ON blog_book (n) INCLUDE (code)",
        "CREATE INDEX thing ON blog_book ((n + m)) WHERE code IS NOT NULL",
        "ALTER TABLE blog_book ADD CONSTRAINT thing CHECK (n + m > code)",
        "ALTER TABLE blog_book ADD CONSTRAINT thing FOREIGN KEY (n, code) REFERENCES blog_writer (id, n)",
    ],
)
def test_what_is_on_two_columns_goes_with_one(bench: Bench, sql: str) -> None:
    numbers = {name: models.IntegerField(null=True) for name in ("n", "m", "code")}
    unique = {"constraints": [models.UniqueConstraint(fields=["id", "n"], name="both")]}
    writer: dict[str, Any] = {"n": models.IntegerField(null=True), "Meta": unique}
    bench.become(models_of(Book=numbers, Writer=writer))
    bench.session.execute(sql)
    was = bench.catalog()
    less = models_of(Book={name: numbers[name].clone() for name in ("n", "m")}, Writer={**writer, "Meta": unique})
    draft = bench.draft(less)
    assert not [one.sql for one in draft.up if "thing" in one.sql]
    bench.run(draft.up)
    assert "thing" not in {*bench.catalog()["blog_book"].constraints, *bench.catalog()["blog_book"].indexes}
    bench.run(draft.down)
    again = bench.catalog()["blog_book"]
    assert (again.constraints, again.indexes) == (was["blog_book"].constraints, was["blog_book"].indexes)


def test_tables_that_refer_to_each_other_in_a_circle(bench: Bench) -> None:
    bench.become(
        models_of(
            A={"b": models.ForeignKey("blog.B", models.CASCADE)}, B={"a": models.ForeignKey("blog.A", models.CASCADE)}
        )
    )
    bench.become(models_of(Book={}), drop_tables=True)
    assert bench.tables() == ["blog_book"]


def test_what_is_in_the_way_before_the_column_goes_is_dropped_first(bench: Bench) -> None:
    """Its name is wanted again; another column of it changes; the key that it refers to goes; there may be but one."""
    bench.become(
        models_of(
            Book={
                "a": models.IntegerField(),
                "b": models.IntegerField(),
                "code": models.CharField(max_length=9, unique=True),
                "Meta": {
                    "constraints": [
                        models.UniqueConstraint(fields=["a"], name="u"),
                        models.CheckConstraint(condition=models.Q(a__gt=models.F("b")), name="c"),
                    ]
                },
            },
            Loan={"book": models.ForeignKey("blog.Book", models.CASCADE, to_field="code")},
        )
    )
    before = bench.catalog()
    draft = bench.become(
        models_of(
            Book={
                "b": models.CharField(max_length=9),
                "code": models.CharField(max_length=9, primary_key=True),
                "Meta": {"constraints": [models.UniqueConstraint(fields=["b"], name="u")]},
            },
            Loan={},
        )
    )
    bench.run(draft.down)
    assert bench.catalog() == before
