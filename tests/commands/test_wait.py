"""migrations_wait, and --wait of a run: processes that start before the server, or before the release is done."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import ended, read_until
from tests.support.projects import UNTIL_GO, Project
from tests.support.servers import server_in, stop
from tests.support.shop import BLOG, SHOP

OFTEN = ("--interval", "0.1")


def with_database(project: Project, **values: str) -> dict[str, str]:
    """The environment in which these values of DATABASES are others."""
    return {"TEST_DATABASE": json.dumps(json.loads(project.environment()["TEST_DATABASE"]) | values)}


def started(project: Project, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return project.start("migrations_wait", *OFTEN, *arguments, env=env)


class TestMigrations:
    @pytest.mark.smoke
    def test_a_web_process_waits_until_another_has_applied_both_kinds(self, shop: Project) -> None:
        last = "shop.20240102000000_slow"
        shop.write(last, UNTIL_GO, header="-- migrate:depends shop.0001_initial\n")
        shop.manage("migrations_build").ok()
        shop.sql("CREATE TABLE go (id int)")
        web = started(shop)
        told = read_until(web, "pending")
        assert re.fullmatch(r"Waiting: 2 SQL migrations and \d+ of Django's are pending\n", told)
        release = shop.start("migrate")
        more = read_until(web, "Waiting: 1 SQL migration is pending, being run by pid")
        assert told not in more, "each change is told once, and migrate takes longer to start than a look"
        assert web.poll() is None
        shop.sql("INSERT INTO go VALUES (1)")
        assert ended(web)[:2] == (0, "The database 'default' is ready: no migration is pending.\n")
        assert ended(release)[0] == 0
        assert {BLOG, last} == set(shop.applied())
        assert SHOP in shop.django_history()

    def test_at_the_end_of_the_time_it_says_what_is_pending(self, project: Project) -> None:
        ids = [project.table(1), project.table(2)]
        error = project.manage("migrations_wait", "--timeout", "0").error()
        assert "Nothing is built" in error
        project.manage("migrations_build").ok()
        error = project.manage("migrations_wait", *OFTEN, "--timeout", "0.3").error()
        assert error.startswith("Waiting: 2 SQL migrations are pending\n")
        assert f"Waited 0.3 s, and 2 SQL migrations are pending:\n  {ids[0]}\n  {ids[1]}\n" in error
        outcome = project.manage("migrations_wait", "--timeout", "0", "--json")
        assert "Waited 0 s" in outcome.error()
        document = outcome.json
        assert document.pop("waited_ms") >= 0
        message = document["error"].pop("message")
        assert message in outcome.stderr
        assert document == {
            "database": "default",
            "ready": False,
            "pending": ids,
            "error": {"id": None, "file": None, "line": None, "column": None, "sqlstate": None},
        }
        assert project.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]

    def test_what_no_time_mends_is_told_at_once(self, project: Project) -> None:
        """One that has failed half-way and is at nobody's hands, and one that was changed."""
        first, half = project.table(1), "blog.20240101000002_half"
        project.write(half, "CREATE TABLE half (id int);\nSELECT nonsense;", option=" transaction:false")
        project.run().error()
        outcome = project.manage("migrations_wait", "--json")
        assert f"{half} has failed part-way" in outcome.error()
        assert "nonsense" in outcome.stderr
        assert (outcome.json["error"]["id"], outcome.json["pending"]) == (half, [half])
        project.write(half, "CREATE TABLE half (id int);\nSELECT 1;", option=" transaction:false")
        project.run().ok()
        project.write(first, "CREATE TABLE other (id int);")
        project.manage("migrations_build").ok()
        assert f"{first} was changed since it was applied" in project.manage("migrations_wait").error()

    def test_what_does_not_run_is_not_waited_for(self, project: Project) -> None:
        gone = project.table(1)
        project.run().ok()
        (project.folder / f"blog/sql_migrations/{gone.partition('.')[2]}.sql").unlink()
        project.table(2, header="-- migrate:feature new\n")
        project.manage("migrations_build").ok()
        document = project.manage("migrations_wait", "--timeout", "0", "--json").ok().json
        assert (document["ready"], document["pending"], document["error"]) == (True, [], None)

    def test_it_reads_only_with_a_role_that_may_do_no_more(self, shop: Project) -> None:
        role = f"waiter_{shop.database}"
        shop.sql(f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET default_transaction_read_only = on")
        env = with_database(shop, USER=role)
        try:
            web = started(shop, env=env)
            read_until(web, "1 SQL migration and")  # neither history is there
            shop.sql(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}")
            shop.manage("migrate").ok()
            assert ended(web)[:2] == (0, "The database 'default' is ready: no migration is pending.\n")
            for table in ("django_migrations", "medusa_migrations"):
                shop.sql(f"REVOKE SELECT ON {table} FROM {role}")
                error = shop.manage("migrations_wait", env=env).error()
                assert f"permission denied for table {table}" in error
                assert "Give this database user SELECT on it" in error
        finally:
            shop.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


class TestServer:
    def test_a_server_and_a_database_that_come_later(self, lone_project: Project, lone_folder: Path) -> None:
        project, folder = lone_project, lone_folder
        id_ = project.table(1)
        project.manage("migrations_build").ok()
        later = with_database(project, NAME="later")
        stop(folder)
        web, release = started(project, env=later), project.start("migrations_run", "--wait", "60", env=later)
        for process in (web, release):
            read_until(process, "Waiting: not reachable: ")
        server_in(folder)
        for process in (web, release):
            read_until(process, 'database "later" does not exist')
        project.sql("CREATE DATABASE later")
        code, stdout, _ = ended(release)
        assert (code, f"Applying {id_}... OK" in stdout) == (0, True)
        assert ended(web)[0] == 0

    def test_a_wrong_password_is_not_waited_for(self, lone_project: Project, lone_folder: Path) -> None:
        project, folder = lone_project, lone_folder
        project.table(1)
        project.manage("migrations_build").ok()
        project.sql("CREATE ROLE app LOGIN PASSWORD 'right'; CREATE ROLE shut NOLOGIN")
        (folder / "data/pg_hba.conf").write_text("local all app scram-sha-256\nlocal all all trust\n")
        project.sql("SELECT pg_reload_conf()")
        project.wait_for("EXISTS (SELECT FROM pg_hba_file_rules WHERE auth_method = 'scram-sha-256')")
        for values, words in (
            ({"USER": "app", "PASSWORD": "wrong"}, "password authentication failed"),
            ({"USER": "app"}, "no password supplied"),
            ({"USER": "shut"}, "is not permitted to log in"),
        ):
            env = with_database(project, **values)
            error = project.manage("migrations_wait", env=env).error()
            assert words in error
            assert "Waiting" not in error
        assert "is not permitted to log in" in project.manage("migrations_run", "--wait", "60", env=env).error()
        env = with_database(project, USER="app", PASSWORD="right")
        stdout = project.manage("migrations_wait", "--database-only", env=env).ok().stdout
        assert stdout == "The database 'default' can be reached.\n"

    def test_at_the_end_of_the_time_it_says_why_there_is_no_server(self, project: Project) -> None:
        project.table(1)
        project.manage("migrations_build").ok()
        env = with_database(project, NAME="absent_for_ever")
        for command, words in (
            (["migrations_wait", *OFTEN, "--timeout", "0.3", "--json"], "Waited 0.3 s. --timeout sets how long."),
            (["migrations_run", "--wait", "0.3", "--json"], "Waited 0.3 s for it; --wait sets how long."),
            (["migrations_revert", "--wait", "0.3", "--json"], "Waited 0.3 s for it; --wait sets how long."),
        ):
            outcome = project.manage(*command, env=env)
            assert words in outcome.error()
            assert outcome.stderr.startswith("Waiting: not reachable: ")
            assert words in outcome.json["error"]["message"]
        error = project.manage("migrations_run", "--wait", "nan").error()
        assert "wait is nan. It must be a number of seconds" in error
        assert "interval is 0.0. It must be" in project.manage("migrations_wait", "--interval", "0").error()


@contextmanager
def silent_server() -> Iterator[tuple[socket.socket, int]]:
    """What takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, listener.getsockname()[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_signal_ends_it_at_once(project: Project, number: signal.Signals, code: int) -> None:
    """Between two looks, and while the driver waits for a server that says nothing."""
    project.table(1)
    project.manage("migrations_build").ok()
    with silent_server() as (listener, port):
        stuck = started(project, "--json", env=with_database(project, HOST="127.0.0.1", PORT=str(port)))
        waiting = project.start("migrations_wait", "--interval", "60")
        accepted, _ = listener.accept()
        read_until(waiting, "pending")
        begun = time.monotonic()
        stuck.send_signal(number)
        waiting.send_signal(number)
        code_of_stuck, stdout, stderr = ended(stuck)
        assert time.monotonic() - begun < 5  # a look may take longer, and an interval
        accepted.close()
    assert (code_of_stuck, json.loads(stdout)["ready"]) == (code, False)
    assert stderr == f"CommandError: Stopped by {number.name}. Nothing was changed.\n"
    returned, stdout, stderr = ended(waiting)
    assert (returned, stdout) == (code, "")
    assert stderr == f"CommandError: Stopped by {number.name}. Nothing was changed.\n"


def test_a_renamed_one_is_not_waited_for(project: Project) -> None:
    id_ = project.table(1)
    project.run().ok()
    source = project.folder / "blog/sql_migrations/20240101000001_t1.sql"
    source.rename(source.with_name("20240101000009_new.sql"))
    project.manage("migrations_build").ok()
    error = project.manage("migrations_wait", "--timeout", "60").error()
    assert f"migrations_repair --renamed {id_}=blog.20240101000009_new" in error
