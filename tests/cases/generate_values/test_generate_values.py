"""Values of rows that meant another row after the migration, or in another database, without a word: a foreign key to
another field of the same table, and defaults that are asked in the developer's database. Found by an attack and on a
real project."""

from __future__ import annotations

import re

from medusa_migrations.generate.draft import Draft
from tests.support.model_texts import Drafts, sql_of

P = "class P(models.Model):\n    code = models.BigIntegerField(unique=True)\n"
C = P + "class C(models.Model):\n    p = models.ForeignKey(P, models.CASCADE)\n"
ITEM = "class Item(models.Model):\n    n = models.IntegerField()\n"


def notes(draft: Draft) -> list[str]:
    return [one.note for one in (*draft.up, *draft.down) if one.note]


def test_a_foreign_key_to_another_field(drafts: Drafts) -> None:
    drafts.become(C)
    drafts.session.execute(
        "INSERT INTO blog_p (code) VALUES (2), (1); INSERT INTO blog_c (p_id) VALUES (1)",
    )
    draft = drafts.both_ways(C.replace("CASCADE", "CASCADE, to_field='code'"))
    assert notes(draft) == [
        "The values of blog_c.p_id were those of blog_p.id, and are now taken as those of blog_p.code.",
        "The values of blog_c.p_id were those of blog_p.code, and are now taken as those of blog_p.id.",
    ]
    again = drafts.draft(C.replace("CASCADE", "CASCADE, db_constraint=False"))
    assert notes(again) == []


def test_a_default_that_is_a_row_of_this_database(drafts: Drafts) -> None:
    """Of a foreign key, whatever the function does, of a required one and of another."""
    drafts.become(P + ITEM)
    text = "def first():\n    return 5\n" + P + ITEM
    for options, required in (("", True), (", null=True", False)):
        draft = drafts.draft(f"{text}    p = models.ForeignKey(P, models.CASCADE, default=first{options})\n")
        assert re.match(r"Fill blog_item.p_id below this: its default is a function, and the row", notes(draft)[0])
        assert "5" not in sql_of(draft.up)
        assert ("SET NOT NULL" in sql_of(draft.up)) is required


def test_a_default_that_asks_the_database(drafts: Drafts) -> None:
    drafts.become(ITEM)
    text = (
        "from django.db import connection, transaction\n"
        "def number():\n    with transaction.atomic(), connection.cursor() as cursor:\n"
        "        cursor.execute('SELECT 4711')\n        return cursor.fetchone()[0]\n"
        "def still():\n    with transaction.atomic():\n        return 4712\n" + ITEM
    )
    draft = drafts.draft(text + "    asks = models.IntegerField(default=number)\n")
    assert notes(draft)[0].startswith(
        "Fill blog_item.asks below this: its default is a function that asks the database"
    )
    assert "4711" not in sql_of(draft.up)
    draft = drafts.draft(text + "    asks = models.IntegerField(default=still)\n")
    assert "4712" in sql_of(draft.up)
    drafts.become(ITEM + "    asks = models.IntegerField(null=True)\n")
    draft = drafts.draft(text + "    asks = models.IntegerField(default=number)\n")
    assert "fill it above this, as its default is a function that asks the database" in notes(draft)[0]
