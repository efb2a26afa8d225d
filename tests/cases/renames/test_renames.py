"""Renames whose names something else has, today or afterwards, were refused; and offers were each old name with each
new one, 26 of them for one table. Found on real projects, and by an attack.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from medusa_migrations.errors import PlanError
from tests.support.drafts import Bench, Models, models_of


def char(length: int) -> Any:
    return models.CharField(max_length=length)


def there_and_back(bench: Bench, wanted: Models, *renames: str) -> None:
    """Run up, see that nothing differs any more, run down, see that all is as before, and run up again."""
    before = bench.catalog()
    draft = bench.become(wanted, renames=renames)
    assert bench.draft(wanted).up == ()
    bench.run(draft.down)
    assert bench.catalog() == before
    bench.run(draft.up)


@pytest.mark.smoke
def test_the_old_name_is_a_new_columns(bench: Bench) -> None:
    bench.become(models_of(Token={"key": char(40)}))
    bench.session.execute("INSERT INTO blog_token (key) VALUES ('old')")
    wanted = models_of(Token={"plaintext": char(40), "key": models.CharField(max_length=12, null=True)})
    there_and_back(bench, wanted, "blog_token.key=plaintext")
    assert bench.session.query("SELECT plaintext, key FROM blog_token") == [("old", None)]


@pytest.mark.parametrize("order", [1, -1])
def test_columns_in_a_row(bench: Bench, order: int) -> None:
    bench.become(models_of(T={"a": char(5), "b": char(5)}))
    bench.session.execute("INSERT INTO blog_t (a, b) VALUES ('a', 'b')")
    there_and_back(bench, models_of(T={"b": char(5), "c": char(5)}), *["blog_t.a=b", "blog_t.b=c"][::order])
    assert bench.session.query("SELECT b, c FROM blog_t") == [("a", "b")]


def test_columns_that_are_swapped(bench: Bench) -> None:
    bench.become(models_of(T={"a": char(5), "b": char(5)}))
    bench.session.execute("INSERT INTO blog_t (a, b) VALUES ('a', 'b')")
    there_and_back(bench, models_of(T={"a": char(5), "b": char(5)}), "blog_t.a=b", "blog_t.b=a")
    assert bench.session.query("SELECT a, b FROM blog_t") == [("b", "a")]


def test_tables_in_a_row_with_a_new_one_at_its_end_and_swapped(bench: Bench) -> None:
    bench.become(models_of(A={"x": char(5)}, B={"y": char(5)}))
    bench.session.execute("INSERT INTO blog_a (x) VALUES ('a'); INSERT INTO blog_b (y) VALUES ('b')")
    there_and_back(bench, models_of(A={"y": char(5)}, B={"x": char(5)}), "blog_a=blog_b", "blog_b=blog_a")
    assert bench.session.query("SELECT y, x FROM blog_a, blog_b") == [("b", "a")]
    wanted = models_of(A={"z": char(5)}, B={"y": char(5)}, C={"xx": char(5)})
    there_and_back(bench, wanted, "blog_a=blog_b", "blog_b=blog_c", "blog_c.x=xx".replace("_c", "_b"))
    assert bench.session.query("SELECT y, xx FROM blog_b, blog_c") == [("b", "a")]


def test_a_name_that_stays_taken(bench: Bench) -> None:
    bench.become(models_of(A={"x": char(5), "y": char(5)}, B={"z": char(5)}))
    wanted = models_of(A={"y": char(5), "z": char(5)}, B={"z": char(5)})
    for rename in ("blog_a.x=y", "blog_a=blog_b"):
        with pytest.raises(PlanError, match=r"the database has .* already. If that was renamed too, say so"):
            bench.draft(wanted, renames=[rename])


def test_offers_are_few(bench: Bench) -> None:
    def flags(*names: str) -> Models:
        return models_of(Team={name: models.BooleanField() for name in names})

    def offers(*names: str) -> list[str]:
        asked: list[str] = []
        draft = bench.draft(flags(*names), accept=lambda rename: bool(asked.append(rename)))
        assert {*asked} == {*map(str, draft.offered)}
        return asked

    bench.become(flags(*(f"can_{name}" for name in "abcdefghijklm")))
    assert len(offers("all_events", "limit_a")) == 4
    assert offers("limit_a")[0] == "blog_team.can_a=limit_a"
    # Of many that have new names, the likest of each is asked about.
    many = offers(*(f"could_{name}" for name in "abcdefghijklm"))
    assert len(many) == 13
    assert {one.partition(".can")[2] for one in many} == {f"_{name}=could_{name}" for name in "abcdefghijklm"}
