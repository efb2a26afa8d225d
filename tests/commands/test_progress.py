"""On a real terminal, what takes long says how far it is, and leaves nothing of that behind."""

from __future__ import annotations

import json
import signal

from tests.support.projects import UNTIL_GO, Project
from tests.support.terminals import Terminal, rows

# A run tells how far it is from its second second on.
A_SECOND = "SELECT pg_sleep(1);"
FIRST, SECOND, THIRD = (f"blog.2024010100000{number}_t{number}" for number in range(3))

# As if all took long.
AT_ONCE = "from medusa_migrations import events\nevents._TOLD_SECONDS = -1"

MODELS = "class Post(models.Model):\n    title = models.TextField()\n"


def three(project: Project) -> None:
    project.sql("CREATE TABLE go ()")
    project.write(FIRST, A_SECOND)
    project.write(SECOND, UNTIL_GO)
    project.write(THIRD, "SELECT 1;")


def test_a_run_of_many_says_how_far_it_is_until_it_is_stopped(project: Project) -> None:
    three(project)
    with Terminal(project, "migrations_run", "--build", "--no-color", both=True) as terminal:
        terminal.wait_for(f"  Applying {SECOND}... 2 of 3, about ")
        terminal.process.send_signal(signal.SIGINT)
        outcome = terminal.end()
    assert outcome.code == 130
    *before, failed, stopped, end = rows(terminal.said)
    assert before[:2] == ["Built 3 migrations (3 new) into dist/migrations", "Running migrations:"]
    assert failed == f"  Applying {SECOND}... FAILED"
    assert stopped.startswith(f"CommandError: Stopped by SIGINT. {SECOND} was stopped.")
    assert end == ""


def test_with_json_the_document_is_all_that_stdout_has(project: Project) -> None:
    three(project)
    with Terminal(project, "migrations_run", "--build", "--json") as terminal:
        terminal.wait_for(f"  2 of 3, about 2 s left: {SECOND}")
        project.sql("INSERT INTO go DEFAULT VALUES")
        outcome = terminal.end()
    assert [one["status"] for one in outcome.ok().json["migrations"]] == ["applied"] * 3
    assert rows(terminal.said)[-1] == ""
    assert "\x1b" not in terminal.said


def test_each_command_that_may_take_long_has_such_a_line(project: Project) -> None:
    project.add_settings(AT_ONCE)
    for number in range(2):
        project.table(number)
    project.add_models("shop", MODELS)
    (project.folder / "theirs").mkdir()
    (project.folder / "theirs/20240101000009_x.sql").write_text("-- migrate:up\nSELECT 1;\n-- migrate:down\n")
    commands = [
        ["migrations_build"],
        ["migrations_lint"],
        ["migrations_verify"],
        ["makemigration", "shop", "--generate", "--dry-run"],
        ["migrations_import", "dbmate", "theirs", "--app", "blog", "--dry-run"],
    ]
    arguments = [json.dumps([*one, "--no-color"]) for one in commands]
    with Terminal(project, *arguments, script="several.py", both=True) as terminal:
        outcome = terminal.end().ok()
    for words in (
        "2 of 2: reading the migrations",
        "2 of 2: writing the build",
        "making a scratch database",
        "1 of 2: blog.20240101000000_t0",
        "comparing the models",
        "1 of 1: building the models",
        "1 of 1: proving the up part",
        "1 of 1: proving the down part",
        "1 of 1: reading the files",
        "1 of 1: checking the migrations",
    ):
        assert f"\r  {words}" in outcome.stderr, words
    shown = rows(terminal.said)
    assert [row for row in shown if " of 2: " in row or "making a" in row or "proving" in row] == []
    assert "  blog.20240101000000_t0... proven" in "\n".join(shown)
    silent = [json.dumps([*one, "--verbosity", "0"]) for one in commands[:2]]
    with Terminal(project, *silent, script="several.py") as terminal:
        assert terminal.end().ok().stderr == ""
