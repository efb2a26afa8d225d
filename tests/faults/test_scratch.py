"""The scratch database of a proof, as real processes open it: what reaches it, what does not, and that it goes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.test_network import pooler, through
from tests.support.kills import crash
from tests.support.processes import ended
from tests.support.projects import Project
from tests.support.scratches import UNTIL_GO, scratches, write_script

__all__ = ["pooler"]


@contextmanager
def begun(project: Project, body: str = UNTIL_GO, **options: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that has opened its scratch, and the scratch's name."""
    process = project.start(script=write_script(project, body, **options))
    assert process.stdout
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def wait_until_it_sleeps(project: Project, name: str) -> None:
    project.wait_for(f"EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}' AND wait_event = 'PgSleep')")


def go(project: Project, name: str) -> None:
    """Let the process go on that waits in that scratch."""
    wait_until_it_sleeps(project, name)
    project.server.execute("INSERT INTO go VALUES (1)", name)


@contextmanager
def role(project: Project, options: str = "") -> Iterator[str]:
    """A role that is its own, with the project connecting as it."""
    name = f"role_{project.database}"
    project.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'x' {options}")
    database = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": name, "PASSWORD": "x"}
    project.env["TEST_DATABASE"] = json.dumps(database)
    try:
        yield name
    finally:
        project.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.smoke
def test_the_alias_leads_to_the_scratch_and_back_and_the_scratch_goes(project: Project) -> None:
    body = "print(where()); ask('default', 'CREATE TABLE t ()'); scratch.renew(); ask('default', 'CREATE TABLE t ()')"
    after = "print(where()); print(settings.DATABASES['default']['NAME'])"
    process = project.start(script=write_script(project, body, after=after))
    code, stdout, stderr = ended(process)
    assert (code, stderr) == (0, "")
    name, inside, behind, setting = stdout.split()
    assert name == inside == f"medusa_verify_default_{process.pid}"
    assert behind == setting == project.database
    assert scratches(project, process.pid) == []
    assert project.tables() == set()


def test_the_comment_says_whose_it_is_and_a_kept_one_stays(project: Project) -> None:
    outcome = project.manage(script=write_script(project, "", keep=True)).ok()
    name = outcome.stdout.strip()
    try:
        (comment, limit) = project.sql(
            f"SELECT shobj_description(oid, 'pg_database'), datconnlimit FROM pg_database WHERE datname = '{name}'"
        )[0]
        assert comment.startswith("medusa_migrations: kept scratch database of migrations_verify, ")
        assert f"pid {name.rpartition('_')[2]}" in comment
        assert limit == -1
        project.manage(script=write_script(project, "")).ok()
        assert name in scratches(project)
    finally:
        project.sql(f"DROP DATABASE {name}")


def test_nothing_is_written_to_the_live_database(lone_project: Project) -> None:
    lone_project.sql("ALTER SYSTEM SET autovacuum = off")  # its own statistics are written there too
    lone_project.sql("SELECT pg_reload_conf()")
    lone_project.sql("CREATE DATABASE live")
    project = replace(lone_project, database="live")
    project.add_contrib("contenttypes", "auth")
    project.table(1)
    # A server process that has gone has told what it did.
    alone = "(SELECT numbackends = 1 FROM pg_stat_database WHERE datname = current_database())"
    counters = (
        "SELECT tup_inserted, tup_updated, tup_deleted, xact_rollback FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    project.sql("CREATE TABLE live (id int); INSERT INTO live VALUES (1)")
    project.wait_for(alone)
    before = project.sql(counters)
    assert before[0][0] > 0
    body = """
from django.core.management import call_command
from medusa_migrations import api
call_command("migrate", verbosity=0)
api.revert(build=False)
scratch.renew()
call_command("migrate", verbosity=0)
print(len(connections["default"].introspection.table_names()))
"""
    project.manage("migrations_build").ok()
    outcome = project.manage(script=write_script(project, body)).ok()
    assert int(outcome.stdout.split()[1]) > 5
    project.wait_for(alone)
    assert project.sql(counters) == before
    assert project.tables() == {"live"}


def test_other_aliases_cannot_be_used_and_those_of_the_same_database_lead_there_too(project: Project) -> None:
    project.add_settings(
        "DATABASES['same'] = DATABASES['default'] | {'CONN_MAX_AGE': 5}\n"
        "DATABASES['replica'] = DATABASES['same'] | {'HOST': '/nowhere', 'TEST': {'MIRROR': 'default'}}\n"
        "DATABASES['other'] = DATABASES['default'] | {'NAME': 'postgres'}\n"
        "DATABASES['lite'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}"
    )
    body = """
import threading
print(where("same"), where("replica"))
def refused(alias):
    try:
        where(alias)
    except MigrationError as error:
        print(error)
for alias in ("other", "lite"):
    refused(alias)
threads = [threading.Thread(target=refused, args=("other",))]
[one.start() for one in threads]
[one.join() for one in threads]
try:
    with open_session("other"):
        pass
except MigrationError as error:
    print(error)
"""
    after = "print(where('other'), connections.settings['replica']['HOST'])"
    name, first, *refusals, last = (
        project.manage(script=write_script(project, body, after=after)).ok().stdout.splitlines()
    )
    assert first == f"{name} {name}"
    assert [one.split()[2] for one in refusals] == ["'other'", "'lite'", "'other'", "'other'"]
    assert all("cannot be used while migrations are proven in the scratch database" in one for one in refusals)
    assert last == "postgres /nowhere"


def test_commits_there_do_not_wait_and_the_database_has_no_setting_of_its_own(project: Project) -> None:
    body = """
with open_session("default") as session:
    sql = session.prepare()
    session.execute("SET synchronous_commit = on")
    session.execute(sql.reset)
    print(session.query("SHOW synchronous_commit")[0][0])
print(ask("default", "SELECT count(*) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase "
    "WHERE datname = current_database()")[0][0])
"""
    after = "print(ask('default', 'SHOW synchronous_commit')[0][0])"
    assert project.manage(script=write_script(project, body, after=after)).ok().stdout.split()[1:] == ["off", "0", "on"]


def test_two_at_once_have_one_each(project: Project) -> None:
    with begun(project) as (first, one), begun(project) as (second, two):
        assert one != two
        assert scratches(project, first.pid) == [one]
        go(project, one)
        assert ended(first)[0] == 0
        assert scratches(project, second.pid) == [two]
        go(project, two)
        assert ended(second)[0] == 0
    assert scratches(project, first.pid) + scratches(project, second.pid) == []


def test_what_a_killed_one_left_the_next_one_drops_and_no_more(lone_project: Project) -> None:
    project = lone_project
    with begun(project) as (killed, left), begun(project) as (alive, other):
        wait_until_it_sleeps(project, left)
        killed.kill()
        killed.wait()
        project.wait_for(f"NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE '%:{killed.pid}')")
        assert scratches(project) == sorted([left, other])
        project.sql("CREATE DATABASE medusa_verify_mine_1")
        project.sql("CREATE DATABASE medusa_verify_mine_2")
        project.sql("CREATE DATABASE half CONNECTION LIMIT 0")
        project.sql("COMMENT ON DATABASE medusa_verify_mine_2 IS 'mine'")
        project.sql("CREATE DATABASE medusa_verify_default_1 CONNECTION LIMIT 0")  # killed before it was marked
        next_one = project.manage(script=write_script(project, "", name="next.py")).ok()
        assert next_one.stdout.strip() not in scratches(project)
        assert scratches(project) == sorted([other, "medusa_verify_mine_1", "medusa_verify_mine_2"])
        go(project, other)
        assert ended(alive)[0] == 0


SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda one: one.name)
def test_a_signal_in_the_midst_leaves_nothing(project: Project, number: signal.Signals) -> None:
    with begun(project) as (process, name):
        wait_until_it_sleeps(project, name)
        process.send_signal(number)
        code, _, stderr = ended(process)
    assert (code, "Traceback" in stderr) == (1, False), stderr
    assert scratches(project, process.pid) == []


def test_an_interrupt_and_any_error_leave_nothing(project: Project) -> None:
    for body in ("raise KeyboardInterrupt", "raise ValueError('mine')", "sys.exit(3)"):
        process = project.start(script=write_script(project, body))
        code, _, stderr = ended(process)
        assert code != 0
        assert "is left" not in stderr
        assert scratches(project, process.pid) == []


def test_if_it_cannot_be_dropped_the_error_stays_and_tells_what_is_left(lone_project: Project) -> None:
    project = lone_project
    body = "print('go', flush=True); sys.stdin.read(); raise MigrationError('the first error')"
    process = project.start(script=write_script(project, body), stdin=subprocess.PIPE)
    assert process.stdout
    name, _ = process.stdout.readline().strip(), process.stdout.readline()
    crash(project)
    _, stderr = process.communicate("")
    assert stderr.startswith("CommandError: the first error\n")
    assert f"The scratch database '{name}' is left" in stderr
    assert "The next migrations_verify drops it." in stderr
    project.manage(script=write_script(project, "")).ok()
    assert scratches(project) == []


def test_what_a_migration_left_in_the_way_of_dropping_it_is_told(project: Project) -> None:
    body = """
with open_session("default") as session:
    session.execute("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE)")
"""
    process = project.start(script=write_script(project, body))
    code, stdout, stderr = ended(process)
    name = stdout.strip()
    try:
        assert code == 1
        assert f"The scratch database '{name}' is left" in stderr
        assert "logical replication subscription" in stderr
        assert f"Connect to it and remove that, then drop it (dropdb {name})." in stderr
    finally:
        project.server.execute("DROP SUBSCRIPTION s", name)
        project.sql(f"DROP DATABASE {name}")


def test_a_lost_session_is_told_once_and_the_next_one_drops_what_is_left(project: Project) -> None:
    end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE '%CONNECTION LIMIT -1%'"
    body = f"""
ask("default", "{end} AND pid <> pg_backend_pid() AND query LIKE '%" + scratch.name + "%'")
scratch.renew()
"""
    process = project.start(script=write_script(project, body))
    code, stdout, stderr = ended(process)
    name = stdout.strip()
    assert code == 1
    assert stderr.count(f"The scratch database '{name}'") == 2, stderr
    assert f"The scratch database '{name}' cannot be dropped and made anew: " in stderr
    assert f"The scratch database '{name}' is left, as the connection was lost.\n" in stderr
    assert stderr.count("The next migrations_verify drops it.") == 1
    assert "already closed" not in stderr
    project.manage(script=write_script(project, "")).ok()
    assert scratches(project, process.pid) == []


def test_without_createdb_it_says_what_is_needed(project: Project) -> None:
    with role(project):
        error = project.manage(script=write_script(project, "")).error()
    assert "needs CREATEDB" in error
    assert "--scratch NAME (an empty database)" in error


def test_a_role_that_may_make_databases_is_enough(project: Project) -> None:
    with role(project, "CREATEDB"):
        project.manage(script=write_script(project, "print(where()); scratch.renew()")).ok()


def test_a_role_with_one_connection_is_told_that_it_has_no_other(project: Project) -> None:
    with role(project, "CREATEDB CONNECTION LIMIT 1") as name:
        error = project.manage(script=write_script(project, "")).error()
        assert "CONNECTION LIMIT" in error
        assert project.sql(f"SELECT FROM pg_database WHERE datdba = '{name}'::regrole") == []


def test_where_postgres_cannot_be_connected_to_its_own_database_serves(lone_project: Project) -> None:
    project = lone_project
    project.sql("CREATE DATABASE app")
    app = Project(project.folder, project.server, "app")
    project.sql("ALTER DATABASE postgres CONNECTION LIMIT 0")
    with role(app, "CREATEDB") as name:
        project.server.execute(f"GRANT ALL ON DATABASE app TO {name}")
        app.manage(script=write_script(app, "print(where())")).ok()
        missing = json.loads(app.environment()["TEST_DATABASE"]) | {"NAME": "missing"}
        error = app.manage(script="proof.py", env={"TEST_DATABASE": json.dumps(missing)}).error()
    assert '"missing" does not exist' in error
    assert "Nor can the database 'postgres'" in error


TEMPLATES = {
    "TEMPLATE': 'no_such": ("does not exist", "Name one that is there"),
    "TEMPLATE': '{mine}": ("permission denied to copy database", "IS_TEMPLATE"),
    "CHARSET': 'LATIN1": ("LATIN1", "CHARSET and TEMPLATE"),
    "COLLATION': 'x": ("does not support collation", "cannot be used"),
}


@pytest.mark.parametrize("setting", TEMPLATES)
def test_a_template_that_cannot_be_copied(project: Project, setting: str) -> None:
    project.add_settings(f"DATABASES['default']['TEST'] = {{'{setting.format(mine=project.database)}'}}")
    with role(project, "CREATEDB"):
        error = project.manage(script=write_script(project, "")).error()
    for words in TEMPLATES[setting]:
        assert words in error


def test_a_template_that_is_in_use(project: Project) -> None:
    project.add_settings(f"DATABASES['default']['TEST'] = {{'TEMPLATE': '{project.database}'}}")
    connection = project.server.connect(project.database)
    try:
        error = project.manage(script=write_script(project, "")).error()
    finally:
        connection.close()
    assert "is being accessed by other users" in error
    assert '["TEST"]["TEMPLATE"]' in error


def test_the_template_of_the_test_database_counts(project: Project) -> None:
    project.sql("CREATE TABLE from_template ()")
    project.add_settings(f"DATABASES['default']['TEST'] = {{'TEMPLATE': '{project.database}'}}")
    body = "print(ask('default', 'TABLE from_template'))"
    assert project.manage(script=write_script(project, body)).ok().stdout.endswith("[]\n")


def test_read_only_transactions_are_refused(project: Project) -> None:
    with role(project, "CREATEDB") as name:
        project.sql(f"ALTER ROLE {name} SET default_transaction_read_only = on")
        assert "read-only" in project.manage(script=write_script(project, "")).error()


def test_an_unknown_alias_and_another_vendor_are_refused(project: Project) -> None:
    script = write_script(project, "")
    path = project.folder / script
    path.write_text(path.read_text().replace('open_scratch("default"', "open_scratch(sys.argv[1]"))
    project.add_settings("DATABASES['lite'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}")
    assert (
        "There is no database 'defualt' in DATABASES. Did you mean 'default'?"
        in project.manage("defualt", script=script).error()
    )
    assert "migrations run on PostgreSQL only" in project.manage("lite", script=script).error()


def test_an_alias_that_leads_elsewhere_whatever_its_name_is_refused(project: Project) -> None:
    project.add_settings(f"DATABASES['default']['OPTIONS'] = {{'dbname': '{project.database}'}}")
    error = project.manage(script=write_script(project, "")).error()
    assert "Write the name as NAME" in error


def test_a_service_file_says_where_the_server_is(project: Project) -> None:
    given = project.server.parameters
    (project.folder / "services").write_text(
        f"[mine]\nhost={given['host']}\nport={given['port']}\nuser={given['user']}\ndbname={project.database}\n"
    )
    project.add_settings(
        "DATABASES['default'] = {'ENGINE': 'django.db.backends.postgresql', 'OPTIONS': {'service': 'mine'}}"
    )
    project.env["PGSERVICEFILE"] = str(project.folder / "services")
    script = write_script(project, "print(where())", after="print(where())")
    name, inside, behind = project.manage(script=script).ok().stdout.split()
    assert (inside, behind) == (name, project.database)


def test_a_pool_of_connections_leads_there_and_back_too(project: Project) -> None:
    pytest.importorskip("psycopg_pool")
    project.add_settings("DATABASES['default']['OPTIONS'] = {'pool': True}")
    script = write_script(
        project,
        "print(where()); scratch.renew(); print(where())",
        after="print(where()); connections['default'].close_pool()",
    )
    path = project.folder / script
    path.write_text(path.read_text().replace("\ntry:\n", "\nprint(where())\ntry:\n"))
    live, name, *inside, behind = project.manage(script=script).ok().stdout.split()
    assert (live, inside, behind) == (project.database, [name, name], project.database)


def test_a_transaction_of_djangos_is_refused(project: Project) -> None:
    script = write_script(project, "")
    path = project.folder / script
    text = path.read_text().replace(
        "\ntry:\n", "\nfrom django.db import transaction\ntransaction.atomic().__enter__()\ntry:\n"
    )
    path.write_text(text)
    assert "is in a transaction" in project.manage(script=script).error()


def test_a_connection_that_is_set_to_a_tenant_is_refused(project: Project) -> None:
    script = write_script(project, "")
    path = project.folder / script
    path.write_text(path.read_text().replace("\ntry:\n", "\nconnections['default'].schema_name = 'tenant'\ntry:\n"))
    assert "schema 'tenant' of a tenant" in project.manage(script=script).error()


def test_a_second_proof_in_the_same_process_is_refused(project: Project) -> None:
    body = """
try:
    with open_scratch("default"):
        pass
except MigrationError as error:
    print(error)
print(where())
"""
    name, refusal, inside = project.manage(script=write_script(project, body)).ok().stdout.splitlines()
    assert "Another proof is under way in this process" in refusal
    assert inside == name


def test_a_pooler_in_transaction_mode_is_refused(project: Project, pooler: int) -> None:
    error = project.manage(script=write_script(project, ""), env=through(project, pooler)).error()
    assert "pooler" in error
    assert "--no-lock" not in error


def test_a_scratch_that_is_made_anew_has_the_comment_that_it_had(project: Project) -> None:
    asked = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    body = (
        f"import time; before, second = ask('default', {asked!r}), int(time.time())\n"
        "while int(time.time()) == second: time.sleep(0.01)\n"
        f"scratch.renew(); print(before == ask('default', {asked!r}))"
    )
    process = project.start(script=write_script(project, body))
    code, stdout, stderr = ended(process)
    assert (code, stdout.split()[-1]) == (0, "True"), stderr
