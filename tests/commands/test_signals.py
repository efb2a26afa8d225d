"""Signals and the log: what a run tells a project's own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects import Project

ONE, TWO, THREE = (f"blog.2024010100000{number}_t{number}" for number in (1, 2, 3))

# Writes each signal down, with the thread, and the tables that another session sees by then; `broken` raises.
RECEIVERS = """
import json, threading
from django.apps import AppConfig
from django.db import connection
from medusa_migrations import signals

def told(signal, sender, **values):
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 't_' ORDER BY 1")
        seen = [name for (name,) in cursor.fetchall()]
    name = next(name for name, one in vars(signals).items() if one is signal)
    main = threading.current_thread() is threading.main_thread()
    with open("told.txt", "a") as file:
        file.write(json.dumps([name, values, seen, sender.__name__, main]) + "\\n")

def broken(sender, **values):
    raise ValueError("receiver is out of order")

class Blog(AppConfig):
    name = "blog"
    def ready(self):
        for name in ("run_started", "migration_applied", "migration_reverted", "migration_failed", "run_finished"):
            getattr(signals, name).connect(told)
"""

LOGGING = """
LOGGING = {
    "version": 1,
    "formatters": {"f": {"format": "%(levelname)s %(event)s %(database)s %(run)s %(id)s %(duration_ms)s %(error)s"}},
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "log.txt", "formatter": "f"}},
    "loggers": {"medusa_migrations": {"handlers": ["file"], "level": "INFO"}},
}
"""


@pytest.fixture
def heard(project: Project) -> Project:
    """Its app writes down what it is told."""
    (project.folder / "blog/apps.py").write_text(RECEIVERS)
    project.table(1)
    project.table(2)
    project.manage("migrations_build").ok()
    return project


def told(project: Project) -> list[tuple[str, Any, list[str]]]:
    """The signals since the last time: name, values, tables that were there."""
    path = project.folder / "told.txt"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    path.unlink(missing_ok=True)
    assert all(sender == "AppliedMigration" and in_main_thread for *_, sender, in_main_thread in found)
    return [(name, values, seen) for name, values, seen, *_ in found]


@pytest.mark.smoke
@pytest.mark.parametrize("command", [["migrations_run"], ["migrate"], ["migrations_run", "--transaction", "none"]])
def test_each_is_told_when_it_is_committed(heard: Project, command: list[str]) -> None:
    heard.manage(*command).ok()
    found = told(heard)
    assert [(name, values["id"], seen) for name, values, seen in found] == [
        ("run_started", None, []),
        ("migration_applied", ONE, ["t1"]),
        ("migration_applied", TWO, ["t1", "t2"]),
        ("run_finished", None, ["t1", "t2"]),
    ]
    assert {values["run"] for _, values, _ in found} == {heard.sql("SELECT run::text FROM medusa_migrations_log")[0][0]}
    assert {(values["database"], values["direction"], values["error"]) for _, values, _ in found} == {
        ("default", "up", None)
    }
    assert isinstance(found[1][1]["duration_ms"], int)
    heard.manage(*command).ok()
    assert told(heard) == []


def test_one_transaction_for_all_is_told_of_at_its_end(heard: Project) -> None:
    heard.manage("migrations_run", "--transaction", "all").ok()
    assert [(name, seen) for name, _, seen in told(heard)] == [
        ("run_started", []),
        *[("migration_applied", ["t1", "t2"])] * 2,
        ("run_finished", ["t1", "t2"]),
    ]
    heard.manage("migrations_revert", "--all", "--transaction", "all").ok()
    assert [(name, values["direction"], seen) for name, values, seen in told(heard)] == [
        ("run_started", "down", ["t1", "t2"]),
        *[("migration_reverted", "down", [])] * 2,
        ("run_finished", "down", []),
    ]
    heard.write(THREE, "SELECT 1/0;")
    heard.run("--transaction", "all").error()
    found = [(name, values["id"], values["error"], seen) for name, values, seen in told(heard)]
    assert found[0][0] == "run_started"
    assert found[1] == ("migration_failed", THREE, "division by zero", [])
    assert found[2][0] == "run_finished"
    assert "Everything was rolled back" in found[2][2]
    assert len(found) == 3


def test_the_log_has_a_record_for_each(heard: Project) -> None:
    heard.add_settings(LOGGING)
    heard.write(THREE, "SELECT 1/0;")
    heard.run().error()
    text = (heard.folder / "log.txt").read_text()
    words = [line.split() for line in text.splitlines() if line.startswith(("INFO", "ERROR"))]
    assert [(level, event, id_) for level, event, _, _, id_, *_ in words] == [
        ("INFO", "run_started", "None"),
        ("INFO", "migration_applied", ONE),
        ("INFO", "migration_applied", TWO),
        ("ERROR", "migration_failed", THREE),
        ("INFO", "run_finished", "None"),
    ]
    assert text.splitlines()[3].endswith("None division by zero")


def test_a_receiver_that_raises_is_named_and_the_run_goes_on(heard: Project) -> None:
    path = heard.folder / "blog/apps.py"
    path.write_text(RECEIVERS + "        signals.migration_applied.connect(broken)\n")
    outcome = heard.manage("migrations_run").ok()
    for name in ("ONE", "TWO"):
        assert outcome.stdout.count("OK") == 2, name
    said = "The receiver blog.apps.broken of migration_applied has failed: ValueError: receiver is out of order."
    assert outcome.stderr.count(f"{said} The run goes on.") == 2
    assert [name for name, *_ in told(heard)][-1] == "run_finished"
    assert heard.applied() == [ONE, TWO]


def test_a_receiver_that_would_end_the_process_does_not(heard: Project) -> None:
    """Nothing is left undone by it, and a run that fails does not end with its exit code."""
    path = heard.folder / "blog/apps.py"
    connect = "            getattr(signals, name).connect(ending)\n"
    path.write_text(RECEIVERS + connect + "\ndef ending(**values):\n    raise SystemExit(0)\n")
    outcome = heard.manage("migrations_run").ok()
    assert outcome.stderr.count("A receiver of migration_applied has failed: SystemExit: 0. The run goes on.") == 2
    heard.write(THREE, "SELECT 1/0;")
    assert "division by zero" in heard.run().error()
    assert heard.applied() == [ONE, TWO]


def test_a_proof_tells_nobody(heard: Project) -> None:
    heard.manage("migrations_verify", "--all").ok()
    assert told(heard) == []


def test_the_functions_of_the_api_tell_too(heard: Project) -> None:
    script = Path(heard.folder / "by_api.py")
    script.write_text(
        'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "settings"\nimport django\ndjango.setup()\n'
        "from medusa_migrations import api\napi.run()\napi.revert(fake=True)\n"
    )
    heard.manage(script="by_api.py").ok()
    assert [(name, values["duration_ms"] is None) for name, values, _ in told(heard)][4:] == [
        ("run_started", True),
        ("migration_reverted", True),
        ("run_finished", True),
    ]
