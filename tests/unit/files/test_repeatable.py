"""Repeatable migrations, `R__<slug>.sql`: their names and order, what a file may say, and what is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from medusa_migrations import api
from medusa_migrations.errors import BuildError, FileError, OrderError
from medusa_migrations.files import dist
from medusa_migrations.files.order import ahead_warning, ordered
from medusa_migrations.files.sqlfile import parse
from medusa_migrations.migration import MigrationId, has_timestamp, name_problem
from tests.support.builders import app_folder, in_file, installed, mid, migration

LABELS = ("blog", "shop")
UP, DOWN = "-- migrate:up\n", "-- migrate:down\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blog.R__active_users", ("blog", "R__active_users")),
        ("blog.R__a-b.c", ("blog", "R__a-b.c")),
        ("blog.R__", None),
        ("blog.R_active_users", None),
        ("blog.r__active_users", None),
        ("blog.R__a b", None),
    ],
)
def test_an_id_is_the_label_and_the_name(text: str, expected: tuple[str, str] | None) -> None:
    found = MigrationId.parse(text)
    assert found == expected
    assert found is None or found.is_repeatable
    assert (name_problem(text.partition(".")[2]) is None) == (expected is not None)
    assert not has_timestamp(text.partition(".")[2])


def test_they_come_last_by_depends_and_then_by_name() -> None:
    migrations = [
        migration("blog.R__c"),
        migration("shop.R__b", "blog.R__c"),
        migration("shop.R__a", "blog.9"),
        migration("blog.R__a", "shop.R__b"),
        migration("shop.R__d"),
        migration("blog.9"),
        migration("shop.R__0"),
    ]
    names = [str(one.id) for one in ordered(migrations, LABELS)][1:]
    assert names == ["shop.R__0", "shop.R__a", "blog.R__c", "shop.R__b", "blog.R__a", "shop.R__d"]
    assert ordered(migrations, LABELS)[0].id == mid("blog.9")


def test_a_timestamp_ahead_is_looked_for_in_others() -> None:
    from datetime import UTC, datetime

    assert ahead_warning([mid("blog.R__x")], datetime.now(UTC)) is None


# What a file says, whether it is repeatable, and what is wrong with it at which line.
WRONG = {
    "transaction:false": (f"-- x\n{UP[:-1]} transaction:false\n", True, ":2:1: a repeatable migration always runs in"),
    "transaction:false in the down part": (f"{UP}{DOWN[:-1]} transaction:false\n", True, ":2:1: a repeatable"),
    "replace without a down part": (f"-- migrate:replace\n{UP}", True, ":1:1: migrate:replace sends the down part"),
    "replace with something behind it": (f"-- migrate:replace all\n{UP}{DOWN}", True, ":1:1: migrate:replace takes"),
    "replace in a file with a timestamp": (f"-- migrate:replace\n{UP}{DOWN}", False, ":1:1: migrate:replace is for"),
    "drops in a repeatable one": (f"-- migrate:drops blog.R__x\n{UP}", True, ":1:1: migrate:drops is for files with"),
    "drops of one with a timestamp": (f"-- migrate:drops blog.20240101000001_x\n{UP}", False, ":1:1: migrate:drops na"),
    "drops of two": (f"-- migrate:drops blog.R__x blog.R__y\n{UP}", False, ":1:1: migrate:drops names one"),
    "drops without a transaction": (
        f"-- x\n-- migrate:drops blog.R__x\n{UP[:-1]} transaction:false\n{DOWN}",
        False,
        ":2:1: migrate:drops shares the transaction",
    ),
    "depends of one with a timestamp": (f"-- migrate:depends blog.R__x\n{UP}", False, ":1:1: blog.R__x is repeatable"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_line(name: str) -> None:
    text, repeatable, expected = WRONG[name]
    with pytest.raises(FileError) as caught:
        parse(text, "a.sql", repeatable=repeatable)
    assert str(caught.value).startswith(f"a.sql{expected}")


@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_runs_in_no_transaction_belongs_into_another_file(direction: str) -> None:
    parts = {"up": f"{UP}SELECT 1;\n", "down": DOWN} | {direction: f"-- migrate:{direction}\nVACUUM;\n"}
    with pytest.raises(
        FileError, match="or put it into a file with a timestamp, in a part marked `-- migrate:"
    ) as caught:
        parse("".join(parts.values()), "a.sql", repeatable=True)
    assert f"{direction} transaction:false`" in str(caught.value)


@pytest.mark.parametrize("name", ["r__titles", "R_titles", "R__"])
def test_a_name_that_is_almost_one_is_told_how_it_is_written(name: str) -> None:
    assert "or R__<slug>, if it is repeatable" in str(name_problem(name))


def test_what_the_header_says() -> None:
    parsed = parse(f"-- migrate:replace\n-- migrate:depends blog.R__y\n{UP}{DOWN}", "a.sql", repeatable=True)
    assert parsed.replace
    assert parsed.depends == ("blog.R__y",)
    parsed = parse(f"-- migrate:drops blog.R__x\n-- migrate:drops blog.R__y\n{UP}{DOWN}", "a.sql")
    assert parsed.drops == ("blog.R__x", "blog.R__y")
    assert not parsed.replace


# The statements of an up part, and those that are warned of, by their lines.
AGAIN = {
    "a view": ("CREATE VIEW v AS SELECT 1;", [2]),
    "a view that is replaced": ("CREATE OR REPLACE VIEW v AS SELECT 1;", []),
    "a table that may be there": ("CREATE TABLE IF NOT EXISTS t (id int);", []),
    "a function behind a grant": ("GRANT SELECT ON t TO x;\nCREATE FUNCTION f() RETURNS int AS '';", [3]),
    "a trigger that is dropped above": ("DROP TRIGGER IF EXISTS t ON x;\nCREATE TRIGGER t AFTER INSERT ON x ();", []),
    "a policy below another kind's drop": ("DROP VIEW IF EXISTS t;\nCREATE POLICY t ON x;", [3]),
    "a materialized view that is dropped above": (
        "DROP MATERIALIZED VIEW IF EXISTS v;\nCREATE MATERIALIZED VIEW v AS SELECT 1;",
        [],
    ),
    "a drop that must find something": ("DROP VIEW v;\nCREATE VIEW v AS SELECT 1;", [3]),
}


@pytest.mark.parametrize("name", AGAIN)
def test_what_cannot_be_run_again_is_warned_of(name: str) -> None:
    sql, lines = AGAIN[name]
    parsed = parse(f"{UP}{sql}\n", "a.sql", repeatable=True)
    assert [int(warning.split(":")[1]) for warning in parsed.warnings] == lines
    assert parse(f"-- migrate:replace\n{UP}{sql}\n{DOWN}", "a.sql", repeatable=True).warnings == []
    assert parse(f"{UP}{sql}\n", "a.sql").warnings == []


def test_what_is_dropped_has_to_be_there(tmp_path: Path) -> None:
    one = in_file(tmp_path, "blog.1", header="-- x\n-- migrate:drops blog.R__user\n")
    with pytest.raises(OrderError) as caught:
        ordered([one._replace(drops=("blog.R__user",)), migration("blog.R__users")], LABELS)
    assert str(caught.value) == (
        f"{one.source}:2:1: there is no blog.R__user. Did you mean 'blog.R__users'? Take the line out, or bring the "
        "file back; a header is no change."
    )


def test_a_build_has_them_and_warns_each_time(tmp_path: Path) -> None:
    files = {
        "R__view.sql": f"{UP}CREATE VIEW v AS SELECT 1;\n",
        "20240101000001_a.sql": f"-- migrate:drops rep_blog.R__view\n{UP}",
    }
    folder = app_folder(tmp_path, "rep_blog", files)
    with installed("rep_blog", path=tmp_path, BASE_DIR=tmp_path):
        built = api.build()
        assert [id_.name for id_ in built.built] == ["20240101000001_a", "R__view"]
        assert len(built.warnings) == len(api.build().warnings) == 1
        loaded = dist.load(built.dist_dir)
        assert loaded is not None
        assert loaded[0].drops == ("rep_blog.R__view",)
        (folder / "R__view.sql").write_text(f"-- migrate:replace\n{UP}CREATE VIEW v AS SELECT 1;\n{DOWN}")
        api.build()
        loaded = dist.load(built.dist_dir)
        assert loaded is not None
        assert loaded[1].replace
        assert len(list((built.dist_dir / "rep_blog").iterdir())) == 2
        (folder / "R__code.py").write_text("def up(schema): pass\n")
        with pytest.raises(BuildError, match=r"R__code\.py: a repeatable migration is written in SQL"):
            api.build()
        (folder / "R__code.py").unlink()
        (folder / "20240101000002_b.py").write_text('depends = ["rep_blog.R__view"]\ndef up(schema): pass\n')
        with pytest.raises(BuildError, match=r"_b\.py:1: rep_blog\.R__view is repeatable"):
            api.build()
