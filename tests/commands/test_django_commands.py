"""Django's runserver, showmigrations and sqlmigrate, with SQL migrations."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import python_files
from tests.support.processes import ended
from tests.support.projects import Project
from tests.support.shop import BLOG, SHOP

VIEW = "shop.20240102000000_view"
NAME = BLOG.partition(".")[2]

# Commands, each in the same process after the other, whose output is told apart.
BETWEEN = """\
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
for arguments in sys.argv[1:]:
    try:
        execute_from_command_line(["manage.py", *json.loads(arguments)])
    except SystemExit as exit:
        print(f"exit {exit.code}")
    print("=====")
    print("=====", file=sys.stderr, flush=True)
"""


def outputs(project: Project, *commands: tuple[str, ...]) -> list[tuple[str, str]]:
    """What each command says on stdout and on stderr, all of them in one process."""
    (project.folder / "between.py").write_text(BETWEEN)
    outcome = project.manage(*map(json.dumps, commands), script="between.py").ok()
    assert "Traceback" not in outcome.stderr, outcome
    stdout, stderr = (text.split("=====\n")[:-1] for text in (outcome.stdout, outcome.stderr))
    return list(zip(stdout, stderr, strict=True))


@pytest.fixture
def both(shop: Project, all_is_applied: None) -> Project:
    """`blog` is made by SQL and applied, as `shop` is by Django; `shop` has a pending SQL migration too."""
    shop.write(VIEW, "CREATE VIEW v AS SELECT 1", "DROP VIEW v;", header=f"-- migrate:depends {SHOP}\n")
    shop.manage("migrations_build").ok()
    return shop


class TestShowmigrations:
    @pytest.mark.smoke
    def test_sql_migrations_stand_under_their_app(self, both: Project) -> None:
        whole, named, detailed, unknown, plan, plan_of_one = outputs(
            both,
            ("showmigrations",),
            ("showmigrations", "shop", "blog", "--list"),
            ("showmigrations", "blog", "-v", "2"),
            ("showmigrations", "nonsense", "blog"),
            ("showmigrations", "--plan"),
            ("showmigrations", "--plan", "blog", "-v", "2"),
        )
        assert all(stderr == "" for _, stderr in (whole, named, detailed, plan, plan_of_one))
        lines = whole[0].splitlines()
        assert [line for line in lines if not line.startswith(" ")] == ["auth", "blog", "contenttypes", "shop"]
        assert lines[lines.index("blog") :][:3] == ["blog", f" [X] {NAME}", "contenttypes"]
        assert lines[lines.index("shop") :] == ["shop", " [X] 0001_initial", " [ ] 20240102000000_view"]
        assert named[0].splitlines() == [*lines[lines.index("shop") :], "blog", f" [X] {NAME}"]
        heading, line = detailed[0].splitlines()
        assert (heading, line.startswith(f" [X] {NAME} (applied at 2")) == ("blog", True)
        assert unknown == ("exit 2\n", "No installed app with label 'nonsense'.\n")
        planned = plan[0].splitlines()
        assert planned[-3:] == [f"[X]  {BLOG}", f"[X]  {SHOP}", f"[ ]  {VIEW}"]
        assert plan_of_one[0].splitlines()[-1] == f"[X]  {BLOG}"
        assert any(line.startswith("[X]  auth.0001_initial ... (") for line in plan_of_one[0].splitlines())
        assert "shop" not in plan_of_one[0]

    def test_the_marks_are_those_of_migrations_show(self, project: Project) -> None:
        applied, changed, missing = (project.table(number) for number in (1, 2, 3))
        project.run().ok()
        project.write("blog.20240101000002_t2", "CREATE TABLE other (id int);")
        (project.folder / "blog/sql_migrations/20240101000003_t3.sql").unlink()
        project.table(4, header="-- migrate:feature new\n")
        project.write("blog.20240101000005_t5", "SELECT 1;", header=f"-- migrate:depends {applied}\n")
        project.manage("migrations_build").ok()
        shown, plan, coloured = outputs(
            project,
            ("showmigrations",),
            ("showmigrations", "--plan", "-v", "2"),
            ("showmigrations", "--force-color", "blog"),
        )
        assert shown[0].splitlines() == [
            "blog",
            " [X] 20240101000001_t1",
            " [!] 20240101000002_t2 (changed since it was applied)",
            " [?] 20240101000003_t3 (applied, but there is no file)",
            " [-] 20240101000004_t4 (its feature, or that of one it depends on, is off)",
            " [ ] 20240101000005_t5",
        ]
        assert plan[0].splitlines() == [
            f"[X]  {applied}",
            f"[!]  {changed}",
            "[-]  blog.20240101000004_t4",
            f"[ ]  blog.20240101000005_t5 ... ({applied})",
        ]
        assert missing not in plan[0], "it has no place in the order"
        assert coloured[0].startswith("\x1b[1mblog\n\x1b[0m [X] ")
        assert "no migrations" not in coloured[0]

    def test_without_any_of_either_kind_it_is_djangos_own(self, project: Project) -> None:
        project.add_models("shop", "")
        (list_, _), (plan, _) = outputs(project, ("showmigrations", "shop"), ("showmigrations", "--plan"))
        assert (list_, plan) == ("shop\n (no migrations)\n", "(no migrations)\n")

    def test_another_kind_of_database_and_a_next_command(self, both: Project) -> None:
        """The other database is listed by Django alone; an app's own showmigrations is extended, not replaced."""
        both.add_settings("DATABASES['lite'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}")
        commands = both.folder / "shop/management/commands"
        commands.mkdir(parents=True)
        (commands / "showmigrations.py").write_text(
            "from django.core.management.commands import showmigrations\n"
            "class Command(showmigrations.Command):\n"
            "    def handle(self, *args, **options):\n"
            "        self.stdout.write('Look:')\n"
            "        super().handle(*args, **options)\n"
        )
        (lite, _), (shown, _) = outputs(
            both, ("showmigrations", "--database", "lite", "blog"), ("showmigrations", "blog")
        )
        assert lite == "Look:\nblog\n (no migrations)\n"
        assert shown == f"Look:\nblog\n [X] {NAME}\n"


class TestSqlmigrate:
    def test_one_of_either_kind_is_printed(self, both: Project) -> None:
        alone, python = "blog.20240104000000_alone", "blog.20240103000000_python"
        both.write(alone, "CREATE INDEX CONCURRENTLY i ON blog_author (name);", None, option=" transaction:false")
        both.write("blog.20240105000000_nothing", "-- later\n")
        python_files.write(
            both, 'schema.create_table("x", {"id": models.IntegerField()})\nschema.query("SELECT 1")',
            "def down(schema: Schema) -> None:\n    schema.drop_table('x')", id_=python,
        )  # fmt: skip
        both.manage("migrations_build").ok()
        found = outputs(
            both,
            ("sqlmigrate", "shop", "2024"),
            ("sqlmigrate", "shop", "20240102000000_view", "--backwards"),
            ("sqlmigrate", "shop", "0001"),
            ("sqlmigrate", "blog", "20240104"),
            ("sqlmigrate", "blog", "20240104", "--backwards"),
            ("sqlmigrate", "blog", "20240103"),
            ("sqlmigrate", "blog", "20240103", "--backwards"),
            ("sqlmigrate", "blog", "2024"),
            ("sqlmigrate", "blog", "2025"),
            ("sqlmigrate", "auth", "00"),
            ("sqlmigrate", "nonsense", "1"),
        )
        assert [stdout for stdout, _ in found] == [
            "BEGIN;\nCREATE VIEW v AS SELECT 1\n;\nCOMMIT;\n",
            "BEGIN;\nDROP VIEW v;\nCOMMIT;\n",
            found[2][0],
            "CREATE INDEX CONCURRENTLY i ON blog_author (name);\n",
            "exit 1\n",
            'BEGIN;\nCREATE TABLE "x" ("id" integer NOT NULL);\nSELECT 1;\nCOMMIT;\n',
            'BEGIN;\nDROP TABLE "x";\nCOMMIT;\n',
            *["exit 1\n"] * 4,
        ]
        assert 'CREATE TABLE "shop_product"' in found[2][0]
        assert [stderr for _, stderr in found if stderr] == [
            f"CommandError: {alone} is irreversible: blog/sql_migrations/20240104000000_alone.sql has no "
            "`-- migrate:down`.\n",
            "CommandError: More than one migration matches '2024' in app 'blog'. Please be more specific.\n",
            "CommandError: Cannot find a migration matching '2025' from app 'blog'.\n",
            "CommandError: More than one migration matches '00' in app 'auth'. Please be more specific.\n",
            "CommandError: No installed app with label 'nonsense'.\n",
        ]


@contextmanager
def runserver(project: Project, **env: str) -> Iterator[subprocess.Popen[str]]:
    project.add_settings("import sys\nsys.stdout.reconfigure(line_buffering=True)")
    server = project.start("runserver", "--noreload", "127.0.0.1:0", env={"DEBUG": "1"} | env)
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


def said(project: Project, **env: str) -> str:
    """What runserver says on stdout until it serves."""
    with runserver(project, **env) as server:
        assert server.stdout
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "Quit the server" in line:
                break
        assert server.poll() is None, lines
        server.send_signal(signal.SIGINT)
        code, _, stderr = ended(server)
        assert code == 0, stderr
        return "".join(lines)


class TestRunserver:
    @pytest.mark.usefixtures("auth_is_there")
    def test_what_is_pending_is_told_after_djangos_notice(self, shop: Project) -> None:
        shop.add_settings("INSTALLED_APPS += ['django.contrib.staticfiles']\nSTATIC_URL = 'static/'")
        text = said(shop)
        django = text.index("unapplied migration(s)")
        ours = text.index("\nYou have 1 unapplied SQL migration(s). Your project may not work properly until you apply")
        assert django < ours
        assert "for app(s): blog.\nRun 'python manage.py migrations_run' to apply them.\n" in text[ours:]
        assert "--nostatic" in shop.manage("runserver", "--help").ok().stdout
        shop.manage("migrate").ok()
        assert "unapplied" not in said(shop)

    def test_what_cannot_be_looked_at_is_one_line_and_it_serves(self, project: Project) -> None:
        """Django has its connection, and there is none left for this."""
        role = f"single_{project.database}"
        project.sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
        project.table(1)
        database = json.loads(project.environment()["TEST_DATABASE"]) | {"USER": role}
        try:
            with runserver(project, TEST_DATABASE=json.dumps(database)) as server:
                assert server.stdout
                assert server.stderr
                line = server.stderr.readline()
                assert line.startswith(
                    "The SQL migrations cannot be looked at: Cannot connect to the database 'default'"
                )
                assert any("Quit the server" in line for line in server.stdout)
        finally:
            project.sql(f"DROP ROLE {role}")

    def test_another_kind_of_database_is_djangos_alone(self, project: Project) -> None:
        project.table(1)
        project.add_settings("SILENCED_SYSTEM_CHECKS = ['medusa_migrations.E002']")
        lite = json.dumps({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
        assert "SQL" not in said(project, TEST_DATABASE=lite)
