"""migrations_revert."""

from __future__ import annotations

import os
import pty
import re
from collections.abc import Iterator

import pytest

from tests.support.copies import copied, original
from tests.support.projects import Outcome, Project, Server
from tests.support.terminals import Terminal, answered


@pytest.fixture(scope="session")
def first_three(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("three"), "three") as project:
        first, *_ = [project.table(number) for number in (1, 2, 3)]
        project.manage_several(("migrations_run", "--build", "--to", first), ("migrations_run",)).ok()
        yield project


@pytest.fixture
def three(first_three: Project, project: Project) -> list[str]:
    """Three applied migrations, the second in a run of its own."""
    copied(first_three, project)
    return [f"blog.2024010100000{number}_t{number}" for number in (1, 2, 3)]


@pytest.mark.smoke
def test_the_last_one_is_undone(project: Project, three: list[str]) -> None:
    out = project.manage("migrations_revert").ok().stdout
    assert re.search(rf"Reverting migrations:\n  Reverting {three[2]}\.\.\. OK \(\d+ ms\)\n", out)
    assert project.applied() == three[:2]
    assert project.tables() == {"t1", "t2"}
    assert project.locks() == 0


def test_last_means_last_executed_not_latest_timestamp(project: Project) -> None:
    project.table(5)
    project.run().ok()
    late = project.table(1)
    project.run().ok()
    project.manage("migrations_revert").ok()
    assert late not in project.applied()


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--steps", "2"], 1),
        (["--steps", "99"], 0),
        (["--last-run"], 1),
        (["--all"], 0),
        (["--to", "blog.20240101000001_t1"], 1),
        (["blog"], 2),
        (["blog", "--all"], 0),
    ],
)
def test_how_many_are_undone(project: Project, three: list[str], options: list[str], left: int) -> None:
    planned = project.manage("migrations_revert", *options, "--json", "--plan").ok().json["migrations"]
    assert [one["id"] for one in planned] == list(reversed(three[left:]))
    assert project.applied() == three
    project.manage("migrations_revert", *options).ok()
    assert project.applied() == three[:left]
    assert project.tables() == {f"t{number + 1}" for number in range(left)}


def test_nothing_applied_is_no_error(project: Project) -> None:
    project.table(1)
    project.manage("migrations_build").ok()
    assert "nothing to revert" in project.manage("migrations_revert").ok().stdout
    assert project.manage("migrations_revert", "--json").ok().json["migrations"] == []


def test_the_sql_is_shown_in_the_order_of_its_running(project: Project, three: list[str]) -> None:
    out = project.manage("migrations_revert", "--all", "--sql").ok().stdout
    assert re.findall(r"DROP TABLE t(\d)", out) == ["3", "2", "1"]
    assert project.applied() == three


def test_an_applied_dependent_goes_first_with_to_and_is_refused_with_steps(project: Project) -> None:
    base, other = project.table(1), project.table(2)
    project.run().ok()
    dependent = project.table(3, app="shop", header=f"-- migrate:depends {other}\n")
    project.run().ok()
    project.manage("migrations_revert", "--fake", "shop").ok()
    project.run("--fake").ok()
    error = project.manage("migrations_revert", "blog").error()
    assert dependent in error
    assert project.applied() == [base, other, dependent]
    project.manage("migrations_revert", "--to", base).ok()
    assert project.applied() == [base]


def test_a_migration_without_down_is_refused_and_others_are_left(project: Project) -> None:
    project.table(1)
    id_ = "blog.20240101000002_forever"
    project.write(id_, "CREATE TABLE forever (id int);", None)
    project.run().ok()
    error = project.manage("migrations_revert", "--all").error()
    assert f"{id_} is irreversible" in error
    assert project.manage("migrations_revert", "--fake", "--sql").ok().stdout == f"-- {id_} (down)\n\n"
    assert len(project.applied()) == 2


def test_an_empty_down_part_does_nothing(project: Project) -> None:
    project.write("blog.20240101000002_kept", "CREATE TABLE kept (id int);", "")
    project.run().ok()
    project.manage("migrations_revert").ok()
    assert (project.applied(), project.tables()) == ([], {"kept"})


@pytest.mark.parametrize("option", ["", " transaction:false"])
@pytest.mark.smoke
def test_a_missing_file_is_reverted_with_the_stored_down_part(project: Project, option: str) -> None:
    project.table(1)
    project.table(2, option=option)
    project.run().ok()
    (project.folder / "blog/sql_migrations/20240101000002_t2.sql").unlink()
    project.manage("migrations_revert", "--build").ok()
    assert project.tables() == {"t1"}


def test_an_error_in_a_stored_down_part_says_where_it_stands(project: Project) -> None:
    project.write("blog.20240101000001_bad", "SELECT 1;", "DROP TABLE\n nowhere")
    project.run().ok()
    (project.folder / "blog/sql_migrations/20240101000001_bad.sql").unlink()
    error = project.manage("migrations_revert", "--build").error()
    assert 'table "nowhere" does not exist' in error
    assert "the stored down part of blog.20240101000001_bad" in error


def test_an_app_that_has_fallen_out_of_the_settings_is_named_before_its_tables_go(project: Project) -> None:
    project.table(1)
    project.table(2, app="shop")
    project.run().ok()
    project.apps.remove("shop")
    said = project.run().ok().stderr
    assert "1 migration is applied without a file: shop.20240101000002_t2." in said
    assert "No installed app has the label 'shop'. If that is a mistake, put it back into INSTALLED_APPS" in said
    project.apps.append("shop")
    assert "INSTALLED_APPS" not in project.run().ok().stderr


def test_all_without_a_file_are_undone_at_once(project: Project) -> None:
    """As after a change to another branch, in two apps; what has a file stays."""
    ids = [project.table(1), *(project.table(number, app="shop") for number in (2, 3, 4)), project.table(5)]
    project.run().ok()
    assert "nothing to revert" in project.manage("migrations_revert", "--missing").ok().stdout
    for id_ in ids[1:]:
        (project.folder / project.source(id_)).unlink()
    offered = project.run("--plan").ok()
    assert offered.stderr == (
        f"4 migrations are applied without a file: {ids[4]}, {ids[3]}, {ids[2]} and 1 more. To undo that, as after a "
        "change to another branch or an older release: migrations_revert --missing\n"
    )
    new = project.table(6)
    run = project.run("blog", "--json").ok()
    assert [one["id"] for one in run.json["migrations"]] == [new]
    assert f"1 migration is applied without a file: {ids[4]}." in run.stderr
    assert run.stderr.endswith("migrations_revert --missing blog\n")
    reverted = project.manage("migrations_revert", "--missing", "--json").ok().json["migrations"]
    assert [one["id"] for one in reverted] == ids[:0:-1]
    assert (project.applied(), project.tables()) == ([ids[0], new], {"t1", "t6"})
    assert project.run().ok().stderr == ""


def test_one_that_is_only_not_built_is_not_missing(project: Project) -> None:
    ids = [project.table(1), project.table(2)]
    project.run().ok()
    path = project.folder / project.source(ids[1])
    text = path.read_text()
    path.unlink()
    project.manage("migrations_build").ok()
    path.write_text(text)
    said = project.manage("migrations_run").ok().stderr
    assert said.startswith(f"Not built, so not run: {ids[1]}.")
    assert "--missing" not in said
    assert f"{ids[1]} has a file, which is not built" in project.manage("migrations_revert", "--missing").error()
    assert project.applied() == ids


def test_missing_ones_that_cannot_be_undone_are_refused_by_name_and_all_stay(project: Project) -> None:
    project.table(1)
    forever, code = "blog.20240101000002_forever", "blog.20240101000003_code"
    project.write(forever, "CREATE TABLE forever (id int);", None)
    (project.folder / "blog/sql_migrations/20240101000003_code.py").write_text(
        "def up(schema):\n    schema.query('CREATE TABLE code (id int)')\n"
        "def down(schema):\n    schema.query('DROP TABLE code')\n"
    )
    project.run().ok()
    for path in (project.folder / "blog/sql_migrations").iterdir():
        path.unlink()
    error = project.manage("migrations_revert", "--missing", "--build").error()
    assert f"{forever} cannot be reverted" in error
    assert f"{code} cannot be reverted" in error
    assert project.tables() == {"t1", "forever", "code"}
    project.manage_several(
        ("migrations_repair", "--mark-reverted", forever, "--mark-reverted", code), ("migrations_revert", "--missing")
    ).ok()
    assert (project.applied(), project.tables()) == ([], {"forever", "code"})


def test_a_revert_of_a_missing_one_that_failed_part_way_goes_on(project: Project) -> None:
    id_ = "blog.20240101000001_steps"
    project.write(
        id_,
        "CREATE TABLE a (id int);\nCREATE TABLE b (id int);",
        "DROP TABLE a;\nDROP TABLE c;\nDROP TABLE b;",
        option=" transaction:false",
    )
    project.run().ok()
    (project.folder / project.source(id_)).unlink()
    project.manage("migrations_revert", "--missing", "--build").error()
    assert (project.history(), project.tables()) == ([(id_, "revert_failed")], {"b"})
    project.sql("CREATE TABLE c (id int)")
    project.manage("migrations_revert", "--missing").ok()
    assert (project.history(), project.tables()) == ([], set())


def test_a_changed_file_is_reverted_with_the_stored_down_part(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    project.write(id_, "CREATE TABLE t1 (id bigint);", "DROP TABLE something_else;")
    project.manage("migrations_revert", "--build").ok()
    assert project.tables() == set()


def test_an_unchanged_file_is_reverted_with_the_down_part_it_has_today(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    project.write(id_, "CREATE TABLE t1 (id int);", "ALTER TABLE t1 RENAME TO kept;")
    project.manage("migrations_revert", "--build").ok()
    assert project.tables() == {"kept"}


@pytest.mark.parametrize(("mode", "left"), [("each", 2), ("all", 3), ("none", 2)])
def test_a_failing_revert_leaves_what_the_mode_promises(project: Project, mode: str, left: int) -> None:
    project.table(1)
    project.write("blog.20240101000002_bad", "SELECT 1;", "CREATE TABLE half (id int);\nDROP TABLE nowhere;")
    project.table(3)
    project.run().ok()
    outcome = project.manage("migrations_revert", "--all", "--transaction", mode, "--json")
    outcome.error()
    assert [one["status"] for one in outcome.json["migrations"]] == [
        "rolled_back" if mode == "all" else "reverted",
        "failed",
    ]
    assert len(project.history()) == left
    assert ("half" in project.tables()) == (mode == "none")


def test_an_unfinished_revert_goes_on_and_a_run_refuses_it(project: Project) -> None:
    id_ = "blog.20240101000001_steps"
    down = "DROP TABLE a;\nDROP TABLE nowhere;\nDROP TABLE b;"
    project.write(id_, "CREATE TABLE a (id int);\nCREATE TABLE b (id int);", down, option=" transaction:false")
    project.run().ok()
    project.manage("migrations_revert").error()
    assert project.history() == [(id_, "revert_failed")]
    assert "migrations_revert" in project.run().error()
    project.write(
        id_,
        "CREATE TABLE a (id int);\nCREATE TABLE b (id int);",
        down.replace("nowhere", "IF EXISTS nowhere"),
        option=" transaction:false",
    )
    project.manage("migrations_revert", "--build").ok()
    assert (project.tables(), project.history()) == (set(), [])


@pytest.mark.parametrize(
    "options",
    [
        ["--steps", "0"],
        ["--steps", "-1"],
        ["--to", "blog.20240101000009_nope"],
        ["--steps", "x"],
        ["--all", "--last-run"],
        ["--all", "--missing"],
    ],
)
def test_options_that_make_no_sense_change_nothing(project: Project, three: list[str], options: list[str]) -> None:
    outcome = project.manage("migrations_revert", *options)
    assert outcome.code in (1, 2)
    assert "Traceback" not in outcome.stderr
    assert project.applied() == three


PYTHON = """\
from django.db import models

def up(schema):
    schema.create_table("notes", {"id": models.BigAutoField(primary_key=True)})
    schema.query("CREATE TABLE more (id int)")

def down(schema):
    schema.query("DROP TABLE more")
    schema.drop_table("notes")
"""


class TestLosses:
    @pytest.fixture
    def four(self, three: list[str], project: Project) -> list[str]:
        """One in Python and one whose down part loses nothing, on top of three tables."""
        code, index = "blog.20240101000004_code", "blog.20240101000005_index"
        (project.folder / "blog/sql_migrations/20240101000004_code.py").write_text(PYTHON)
        project.write(index, "CREATE INDEX i ON t1 (id);", "DROP INDEX i;")
        project.run().ok()
        return [*three[1:], code, index]

    def asked(self, project: Project, typed: str, *options: str) -> Outcome:
        return answered(project, typed, "migrations_revert", *options)

    def test_a_plan_says_what_each_loses(self, project: Project, four: list[str]) -> None:
        (project.folder / project.source(four[1])).unlink()  # its down part is in the history
        said = project.manage("migrations_revert", "--steps", "4", "--plan").ok()
        assert said.stdout.splitlines() == [
            "Planned migrations:",
            f"  {four[3]}",
            f"  {four[2]}",
            "    query DROP TABLE more",
            "    drop_table notes",
            "    loses table more, table notes",
            f"  {four[1]}",
            "    loses table t3",
            f"  {four[0]}",
            "    loses table t2",
        ]
        fake = project.manage("migrations_revert", "--steps", "4", "--plan", "--fake").ok()
        assert "loses" not in fake.stdout

    def test_one_that_loses_something_and_several_are_asked_about(self, project: Project, four: list[str]) -> None:
        alone = self.asked(project, "", "--steps", "1").ok()
        assert "?" not in alone.stderr
        assert project.applied()[-1] == four[2]
        for typed in ("\n", "n\n"):
            refused = self.asked(project, typed)
            assert "drop_table notes\n    loses table more, table notes\n" in refused.error()
            assert "Revert 1 migration, and lose that? [y/N]" in refused.stderr
            assert "CommandError: Nothing was reverted.\n" in refused.stderr
            assert refused.stdout == ""
        assert project.applied()[-1] == four[2]
        done = self.asked(project, "yes\n", "--last-run").ok()
        assert f"Reverting {four[2]}... OK" in done.stdout
        several = self.asked(project, "y\n", "--steps", "2").ok()
        assert f"  {four[1]}\n    loses table t3\n  {four[0]}\n    loses table t2\n" in several.stderr
        assert "Revert 2 migrations, and lose that? [y/N]" in several.stderr
        assert project.tables() == {"t1"}

    def test_several_that_lose_nothing_and_several_that_are_only_forgotten(self, project: Project) -> None:
        for number in (1, 2):
            project.write(f"blog.2024010100000{number}_nothing", "SELECT 1;", "SELECT 2;")
        project.table(3)
        project.run().ok()
        assert "?" not in self.asked(project, "", "--fake").ok().stderr
        assert "Revert 2 migrations? [y/N]" in self.asked(project, "n\n", "--all").error()
        said = self.asked(project, "y\n", "--all", "--fake").ok().stderr
        assert "Record 2 migrations as reverted, and send none of the SQL? [y/N]" in said
        assert "loses" not in said
        assert (project.applied(), project.tables()) == ([], {"t3"})
        assert "There is nothing to revert." in self.asked(project, "", "--all").ok().stdout

    def test_what_is_refused_is_not_asked_about(self, project: Project, three: list[str]) -> None:
        project.write("blog.20240101000004_forever", "SELECT 1;", None)
        project.run().ok()
        said = self.asked(project, "", "--all").error()
        assert "is irreversible" in said
        assert "?" not in said

    def test_ctrl_d_and_ctrl_c_revert_nothing(self, project: Project, three: list[str]) -> None:
        at_end = self.asked(project, "\x04", "--all")
        with Terminal(project, "migrations_revert", "--all") as terminal:
            terminal.wait_for("[y/N] ")
            terminal.interrupt()
            interrupted = terminal.end()
        for outcome in (at_end, interrupted):
            assert outcome.code == 130, outcome
            assert outcome.stderr.endswith("CommandError: Interrupted. Nothing was reverted.\n")
        assert project.applied() == three

    def test_what_was_shown_is_what_is_done(self, project: Project, three: list[str]) -> None:
        with Terminal(project, "migrations_revert", "--all") as terminal:
            terminal.wait_for("[y/N] ")
            later = project.table(4)
            project.run().ok()
            terminal.write("y\n")
            assert "is not what was shown any more. Nothing was done" in terminal.end().error()
        assert project.applied() == [*three, later]

    @pytest.mark.parametrize("option", ["--no-input", "--noinput", "--json", "--plan", "--sql"])
    def test_what_asks_nothing_on_a_terminal(self, project: Project, three: list[str], option: str) -> None:
        assert "?" not in self.asked(project, "", "--all", option).ok().stderr
        assert project.applied() == (three if option in ("--plan", "--sql") else [])

    @pytest.mark.parametrize("streams", [["stdin"], ["stderr"], []])
    def test_without_a_terminal_nothing_is_asked_and_nothing_is_said(
        self, project: Project, three: list[str], streams: list[str]
    ) -> None:
        ours, theirs = pty.openpty()
        done = project.manage("migrations_revert", "--all", **dict.fromkeys(streams, theirs))
        os.close(theirs)
        os.close(ours)
        done.ok()
        lines = [f"  Reverting {id_}... OK (N ms)" for id_ in reversed(three)]
        assert re.sub(r"\d+ ms", "N ms", done.stdout).splitlines() == ["Reverting migrations:", *lines]
        assert not done.stderr
        assert project.applied() == []


def test_what_is_stored_is_sql_also_where_python_has_taken_the_place_of_the_file(project: Project) -> None:
    project.table(1)
    project.run().ok()
    source = project.folder / "blog/sql_migrations/20240101000001_t1.sql"
    source.unlink()
    source.with_suffix(".py").write_text("def up(schema): ...\ndef down(schema): ...\n")
    assert "DROP TABLE t1" in project.manage("migrations_revert", "--build", "--sql").ok().stdout
    project.manage("migrations_revert", "--build").ok()
    assert project.tables() == set()
