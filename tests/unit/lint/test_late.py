"""What is judged at the end of a part."""

from __future__ import annotations

from medusa_migrations.lint.facts import Column, ColumnChange, TableFacts
from medusa_migrations.lint.late import Late

POST = TableFacts("post")
FILLED = Column("rank", "bigint", is_not_null=True, has_default=True, is_filled=True)
REQUIRED = FILLED._replace(has_default=False)


def settled(late: Late, names: set[str], columns: dict[int, Column]) -> list[tuple[int, TableFacts]]:
    return list(late.settle(names, {1: columns}, {1: POST}))


def test_a_column_is_required_by_the_statement_that_made_it_so_last() -> None:
    late = Late()
    for number, column in enumerate([FILLED, REQUIRED, FILLED, REQUIRED, REQUIRED]):
        late.note_columns(number, 1, {7: FILLED} if number else {}, {7: column}, [7])
    assert settled(late, set(), {7: REQUIRED}) == [
        (3, POST._replace(changes=(ColumnChange("required", "rank", REQUIRED),)))
    ]
    assert settled(late, set(), {7: FILLED}) == []  # a savepoint took it back


def test_a_column_that_fails_is_not_told_twice() -> None:
    late = Late()
    late.note_columns(0, 1, {}, {7: REQUIRED._replace(is_filled=False)}, [7])
    assert settled(late, set(), {7: REQUIRED}) == []


def test_a_name_that_is_there_again_is_no_loss() -> None:
    late = Late()
    renamed = POST._replace(new_name="article", taken="AccessExclusiveLock")
    assert late.note(0, 1, renamed) == renamed._replace(new_name="")
    assert late.names == {"post"}
    assert settled(late, {"post"}, {}) == []
    assert settled(late, set(), {}) == [(0, renamed)]


def test_a_table_that_is_gone_is_told_at_once() -> None:
    gone = POST._replace(is_gone=True)
    assert Late().note(0, 1, gone) == gone
    assert Late().note(0, 1, gone._replace(kind="view")) == POST._replace(kind="view")


def test_a_renamed_column() -> None:
    late = Late()
    change = ColumnChange("renamed", "state", Column("status", "text"))
    assert late.note(2, 1, POST._replace(changes=(change,))) == POST
    assert settled(late, set(), {7: Column("status", "text")}) == [(2, POST._replace(changes=(change,)))]
    assert settled(late, set(), {7: Column("status", "text"), 8: Column("state", "text")}) == []
