"""What goes wrong in `migrate`: failures, two at once, kills, signals, transactions, other apps' commands."""

from __future__ import annotations

import signal
from contextlib import closing

import pytest

from medusa_migrations.database.keys import OF_DATABASE
from tests.support.copies import begin_with
from tests.support.projects import BLOCKED, QUEUED, SLEEPING, UNLOCKED, UNTIL_GO, Outcome, Project
from tests.support.shop import BLOG, SHOP, applied

djangos_own_are_applied = pytest.mark.usefixtures("migrated_database")


@pytest.fixture
def migrated_database(project: Project, admin_template: str) -> None:
    """The apps of Django's own are migrated already, for what happens to the others."""
    begin_with(project, admin_template)


def finish(process: object, timeout: float = 60) -> Outcome:
    stdout, stderr = process.communicate(timeout=timeout)  # type: ignore[attr-defined]
    return Outcome(process.returncode, stdout, stderr)  # type: ignore[attr-defined]


def build_and_migrate(project: Project) -> Outcome:
    return project.manage_several(("migrations_build",), ("migrate",))


def sleepy(project: Project, seconds: float = 30, option: str = "") -> str:
    project.write("blog.20240102000000_sleepy", f"CREATE TABLE sleepy (id int);\nSELECT pg_sleep({seconds});",
                  option=option)  # fmt: skip
    project.manage("migrations_build").ok()
    return "blog.20240102000000_sleepy"


class TestFailure:
    @pytest.mark.smoke
    def test_what_came_before_stays_and_the_rest_follows(self, shop: Project) -> None:
        path = shop.write("blog.20240102000000_bad", "CREATE TABLE bad (id int);\nSELECT titel FROM bad;")
        message = build_and_migrate(shop).error()
        assert "blog/sql_migrations/20240102000000_bad.sql:3:8" in message
        assert "     3 | SELECT titel FROM bad;\n       |        ^\n" in message
        assert f"Applied before it in this run: {BLOG}." in message
        assert "run migrate again" in message
        assert shop.history() == [(BLOG, "applied")]
        assert SHOP not in shop.django_history()
        path.write_text(path.read_text().replace("titel", "id"))
        assert applied(build_and_migrate(shop).ok().stdout) == ["blog.20240102000000_bad", SHOP]

    @djangos_own_are_applied
    def test_a_statement_that_failed_without_a_transaction_is_gone_on_with(self, shop: Project) -> None:
        path = shop.write("blog.20240102000000_bad", "CREATE TABLE bad (id int);\nSELECT titel FROM bad;",
                          option=" transaction:false")  # fmt: skip
        assert "migrate goes on at statement 2" in build_and_migrate(shop).error()
        path.write_text(path.read_text().replace("titel", "id"))
        outcome = build_and_migrate(shop).ok()
        assert "medusa_migrations.W010" in outcome.stderr
        assert applied(outcome.stdout) == ["blog.20240102000000_bad", SHOP]

    def test_what_changed_since_it_was_applied_stops_it(self, shop: Project) -> None:
        shop.manage("migrate").ok()
        shop.write(BLOG, "SELECT 1;")
        shop.add_django_migration("shop", "0002_more", "")
        outcome = build_and_migrate(shop)
        assert outcome.code == 1
        assert "(medusa_migrations.E009)" in outcome.stderr
        assert f"migrations_repair --accept-changes {BLOG}" in outcome.stderr
        assert "Changed since it was applied" in shop.manage("migrate", "--skip-checks").error()
        assert "shop.0002_more" not in shop.django_history()
        shop.manage("migrations_repair", "--accept-changes").ok()
        assert applied(shop.manage("migrate").ok().stdout) == ["shop.0002_more"]

    @pytest.mark.smoke
    def test_an_error_of_djangos_own_stays_what_it_is(self, shop: Project) -> None:
        shop.add_django_migration("shop", "0002_bad", 'migrations.RunSQL("SELECT nothing_such")')
        outcome = shop.manage("migrate")
        assert 'ProgrammingError: column "nothing_such" does not exist' in outcome.stderr
        assert "CommandError" not in outcome.stderr
        assert shop.locks() == 0

    def test_a_table_of_djangos_that_is_not_there_yet_is_explained(self, shop: Project) -> None:
        """The models of `raw` refer to nothing, so only a header could tell."""
        shop.write("raw.20230101000000_view", "CREATE VIEW v AS SELECT id FROM auth_user;")
        shop.manage("migrations_build").ok()
        for command in ("migrate", "migrations_run"):
            message = shop.manage(command).error()
            assert "That is a table of the app 'auth'. If it is not there yet, write above the up part" in message
            assert "`-- migrate:depends auth`" in message
            assert f"run {command} again" in message

    def test_a_table_of_another_app_made_by_sql_too(self, shop: Project) -> None:
        shop.write("raw.20230101000000_view", "CREATE VIEW v AS SELECT id FROM blog_author;")
        assert "`-- migrate:depends blog.ID`: that comes first then." in build_and_migrate(shop).error()

    def test_what_would_stop_the_sql_stops_djangos_migrations_too(self, shop: Project) -> None:
        shop.manage("migrate").ok()
        shop.sql("COMMENT ON TABLE medusa_migrations IS 'History of medusa_migrations, format 99'; SELECT 1")
        shop.add_django_migration("shop", "0002_more", "")
        shop.write("blog.20240102000000_v", "SELECT 1;", header="-- migrate:depends shop.0002_more\n")
        assert "made by a newer version" in build_and_migrate(shop).error()
        assert "shop.0002_more" not in shop.django_history()

    @djangos_own_are_applied
    def test_a_lock_timeout_names_what_migrate_can_be_told(self, shop: Project) -> None:
        shop.configure(LOCK_TIMEOUT="100ms", RETRIES=0)
        with shop.server.connect(shop.database) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE auth_user")
            message = shop.manage("migrate", "blog").error()
        assert "give it longer with LOCK_TIMEOUT or RETRIES in MEDUSA_MIGRATIONS, and run migrate again" in message

    def test_a_header_that_names_no_migration(self, shop: Project) -> None:
        shop.write("raw.20230101000000_v", "SELECT 1;", header="-- migrate:depends shop.0001_inital\n")
        message = build_and_migrate(shop).error()
        assert "raw/sql_migrations/20230101000000_v.sql" in message
        assert "Did you mean '0001_initial'?" in message

    def test_migrations_run_alone_says_what_comes_first(self, shop: Project) -> None:
        shop.write("raw.20230101000000_v", "SELECT 1;", header="-- migrate:depends auth.0001_initial\n")
        shop.manage("migrations_build").ok()
        message = shop.manage("migrations_run").error()
        assert "raw.20230101000000_v depends on auth.0001_initial" in message
        assert "Run `migrate`: it applies both kinds, in order." in message

    def test_inside_a_transaction_it_refuses(self, shop: Project) -> None:
        code = (
            "from django.core.management import call_command\nfrom django.db import transaction\n"
            "with transaction.atomic():\n    call_command('migrate', verbosity=0)"
        )
        outcome = shop.manage("shell", "-c", code)
        assert "`migrate` was called inside a transaction" in outcome.stderr
        assert shop.tables() == set()
        shop.manage("migrate").ok()
        shop.manage("shell", "-c", code).ok()  # with nothing to do it is as Django's

    @djangos_own_are_applied
    def test_a_standby_like_session_is_refused_before_sql(self, shop: Project) -> None:
        shop.sql(f"ALTER DATABASE {shop.database} SET default_transaction_read_only = on; SELECT 1")
        assert "read-only" in shop.manage("migrate", "blog").error()


class TestTwoAtOnce:
    @pytest.mark.smoke
    def test_the_second_one_waits_and_finds_nothing_to_do(self, shop: Project) -> None:
        shop.sql("CREATE TABLE go (); SELECT 1")
        shop.write("blog.20240102000000_sleepy", UNTIL_GO)
        shop.manage("migrations_build").ok()
        first = shop.start("migrate")
        shop.wait_for(SLEEPING)
        waiting = shop.start("migrate")
        shop.wait_for(QUEUED)
        shop.sql("INSERT INTO go DEFAULT VALUES; SELECT 1")
        second = finish(waiting)
        assert second.code == 0, second
        assert "Waiting up to 60 s for the lock" in second.stderr
        assert "No migrations to apply." in second.stdout
        assert finish(first).code == 0
        assert SHOP in shop.django_history()

    @pytest.mark.smoke
    def test_for_djangos_migrations_too(self, shop: Project) -> None:
        """Both start on an empty database, where Django's own would die of the other's tables."""
        processes = [shop.start("migrate") for _ in range(4)]
        outcomes = [finish(process) for process in processes]
        assert [outcome.code for outcome in outcomes] == [0] * 4, outcomes
        everything = [id_ for outcome in outcomes for id_ in applied(outcome.stdout)]
        assert len(everything) == len(set(everything))
        assert shop.locks() == 0

    def test_with_nothing_to_do_it_waits_for_the_others_post_migrate(self, shop: Project) -> None:
        """Who has applied all holds the lock while Django inserts content types and permissions."""
        shop.manage("migrate").ok()
        with closing(shop.server.connect(shop.database)) as connection, connection.cursor() as cursor:
            cursor.execute(OF_DATABASE.take)
            assert "are being run by pid" in shop.manage("migrate", "--lock-wait", "0").error()
            assert shop.manage("migrate", "--plan").code == 0
            assert shop.manage("migrate", "--no-lock").code == 0
        assert "No migrations to apply." in shop.manage("migrate", "--lock-wait", "0").ok().stdout

    @djangos_own_are_applied
    def test_it_may_not_wait(self, shop: Project) -> None:
        sleepy(shop, 20)
        first = shop.start("migrate")
        shop.wait_for(SLEEPING)
        assert "are being run by pid" in shop.manage("migrate", "--lock-wait", "0").error()
        assert "Waited 0.3 s" in shop.manage("migrate", "--lock-wait", "0.3").error()
        assert shop.manage("migrate", "--plan").code == 0
        first.kill()
        finish(first)

    @pytest.mark.smoke
    def test_killed_it_is_gone_on_with(self, shop: Project) -> None:
        id_ = sleepy(shop, 20)
        process = shop.start("migrate")
        shop.wait_for(SLEEPING)
        process.kill()
        finish(process)
        shop.wait_for(UNLOCKED)
        assert shop.history() == [(BLOG, "applied")]
        shop.write(id_, "CREATE TABLE sleepy (id int);")
        assert applied(build_and_migrate(shop).ok().stdout) == [id_, SHOP]

    @djangos_own_are_applied
    def test_without_the_lock_nobody_is_waited_for(self, shop: Project) -> None:
        sleepy(shop, 20)
        first = shop.start("migrate")
        shop.wait_for(SLEEPING)
        second = shop.start("migrate", "--no-lock")
        shop.wait_for(BLOCKED)
        for process in (first, second):
            process.kill()
            finish(process)

    @djangos_own_are_applied
    def test_the_lock_is_held_while_django_works_for_long(self, shop: Project) -> None:
        shop.sql(f"ALTER DATABASE {shop.database} SET idle_session_timeout = '500ms'; SELECT 1")
        shop.add_django_migration("shop", "0002_sleep", 'migrations.RunSQL("SELECT pg_sleep(1.5)")')
        shop.write("blog.20240102000000_v", "SELECT 1;", header="-- migrate:depends shop.0002_sleep\n")
        assert applied(build_and_migrate(shop).ok().stdout)[-2:] == ["shop.0002_sleep", "blog.20240102000000_v"]

    @djangos_own_are_applied
    def test_a_lock_that_is_lost_ends_it(self, shop: Project) -> None:
        shop.add_django_migration("shop", "0002_sleep", 'migrations.RunSQL("SELECT pg_sleep(2)")')
        shop.add_django_migration("shop", "0003_more", "")
        process = shop.start("migrate")
        shop.wait_for(SLEEPING)
        shop.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )
        outcome = finish(process)
        assert "The database 'default' failed" in outcome.error()
        assert "shop.0003_more" not in shop.django_history()

    @djangos_own_are_applied
    def test_a_migrate_of_another_kind_of_database_inside(self, shop: Project) -> None:
        shop.add_settings("DATABASES['lite'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'lite'}")
        (shop.folder / "shop/apps.py").write_text(
            "from django.apps import AppConfig\nfrom django.core.management import call_command\n"
            "from django.db.models.signals import pre_migrate\n"
            "def more(using, **kwargs):\n    if using == 'default':\n"
            "        call_command('migrate', 'auth', database='lite')\n"
            "class ShopConfig(AppConfig):\n    name = 'shop'\n    def ready(self):\n"
            "        pre_migrate.connect(more, sender=self)\n"
        )
        assert applied(shop.manage("migrate").ok().stdout).count(BLOG) == 1

    def test_a_migrate_of_the_same_database_inside(self, shop: Project) -> None:
        (shop.folder / "shop/apps.py").write_text(
            "from django.apps import AppConfig\nfrom django.core.management import call_command\n"
            "from django.db.models.signals import pre_migrate\n"
            "called = []\n"
            "def more(using, **kwargs):\n    if not called:\n        called.append(1)\n"
            "        call_command('migrate', 'auth')\n"
            "class ShopConfig(AppConfig):\n    name = 'shop'\n    def ready(self):\n"
            "        pre_migrate.connect(more, sender=self)\n"
        )
        outcome = shop.manage("migrate", timeout=20)
        assert "Waiting" not in outcome.stderr

    @djangos_own_are_applied
    def test_a_migrate_inside_another(self, shop: Project) -> None:
        """As a receiver of post_migrate may call for another database."""
        other = f"{shop.database}_other"
        shop.add_settings(f"DATABASES['other'] = DATABASES['default'] | {{'NAME': {other!r}}}")
        (shop.folder / "shop/apps.py").write_text(
            "from django.apps import AppConfig\nfrom django.core.management import call_command\n"
            "from django.db.models.signals import post_migrate\n"
            "def more(using, **kwargs):\n    if using == 'default':\n"
            "        call_command('migrate', database='other')\n"
            "class ShopConfig(AppConfig):\n    name = 'shop'\n    def ready(self):\n"
            "        post_migrate.connect(more, sender=self)\n"
        )
        shop.server.execute(f"CREATE DATABASE {other}")
        try:
            assert applied(shop.manage("migrate").ok().stdout).count(BLOG) == 2
            assert shop.server.execute("SELECT name FROM medusa_migrations", other) == [("20240101000000_author",)]
        finally:
            shop.server.execute(f"DROP DATABASE {other} WITH (FORCE)")


class TestSignals:
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)], ids=["ctrl-c", "sigterm"]
    )  # fmt: skip
    @pytest.mark.smoke
    def test_the_statement_is_rolled_back_at_once(self, shop: Project, number: signal.Signals, code: int) -> None:
        id_ = sleepy(shop)
        process = shop.start("migrate")
        shop.wait_for(SLEEPING)
        process.send_signal(number)
        outcome = finish(process, timeout=10)
        assert outcome.code == code
        assert f"{id_} was stopped. It was rolled back. Applied before: {BLOG}." in outcome.stderr
        assert shop.history() == [(BLOG, "applied")]
        assert SHOP not in shop.django_history()

    @djangos_own_are_applied
    def test_while_it_waits_for_the_lock(self, shop: Project) -> None:
        sleepy(shop)
        first = shop.start("migrate")
        shop.wait_for(SLEEPING)
        second = shop.start("migrate")
        assert second.stderr is not None
        assert "Waiting up to 60 s for the lock" in second.stderr.readline()
        second.send_signal(signal.SIGTERM)
        outcome = finish(second, timeout=10)
        assert outcome.code == 1
        assert "Stopped by SIGTERM. Nothing more was begun. Run migrate again to go on." in outcome.stderr
        first.kill()
        finish(first)

    @djangos_own_are_applied
    def test_djangos_own_migrations_are_interrupted_as_ever(self, shop: Project) -> None:
        shop.add_django_migration("shop", "0002_sleep", 'migrations.RunSQL("SELECT pg_sleep(30)")')
        process = shop.start("migrate")
        shop.wait_for(SLEEPING)
        process.send_signal(signal.SIGTERM)
        assert finish(process, timeout=10).code == -signal.SIGTERM
        shop.wait_for(UNLOCKED)


class TestOtherCommands:
    def other(self, project: Project, base: str = "django.core.management.commands.migrate") -> None:
        project.add_models("other", "")
        folder = project.folder / "other/management/commands"
        folder.mkdir(parents=True)
        (folder / "migrate.py").write_text(
            f"from {base} import Command as Base\nclass Command(Base):\n    def handle(self, *args, **options):\n"
            "        self.stdout.write('other was here')\n        super().handle(*args, **options)\n"
        )

    @djangos_own_are_applied
    def test_a_migrate_of_an_app_below_takes_part(self, shop: Project) -> None:
        self.other(shop)
        out = shop.manage("migrate").ok().stdout
        assert "other was here" in out
        assert BLOG in applied(out)

    def test_one_above_that_does_not_know_ours_is_an_error(self, shop: Project) -> None:
        self.other(shop)
        shop.add_settings("INSTALLED_APPS = ['other', *(app for app in INSTALLED_APPS if app != 'other')]")
        message = shop.manage("check").stderr
        assert "(medusa_migrations.E004) The command migrate is that of 'other'" in message
        assert "Put 'medusa_migrations' above 'other' in INSTALLED_APPS" in message

    @pytest.mark.smoke
    def test_one_above_that_extends_ours_is_not(self, shop: Project) -> None:
        self.other(shop, "medusa_migrations.management.commands.migrate")
        shop.add_settings("INSTALLED_APPS = ['other', *(app for app in INSTALLED_APPS if app != 'other')]")
        shop.manage("check").ok()
        assert BLOG in applied(shop.manage("migrate").ok().stdout)

    def test_one_below_that_extends_ours_is_told_where_to_go(self, shop: Project) -> None:
        self.other(shop, "medusa_migrations.management.commands.migrate")
        outcome = shop.manage("migrate")
        assert "Put 'other' above 'medusa_migrations' in INSTALLED_APPS." in outcome.stderr

    @pytest.mark.smoke
    def test_makemigrations_of_an_app_made_by_sql(self, shop: Project) -> None:
        message = shop.manage("makemigrations", "blog").error()
        assert "Write one: manage.py makemigration blog NAME" in message
        assert not (shop.folder / "blog/migrations").exists()
        assert "No changes detected in app 'shop'" in shop.manage("makemigrations", "shop").ok().stdout
        assert "No changes detected" in shop.manage("makemigrations").ok().stdout


class TestWithoutSqlMigrations:
    @pytest.mark.smoke
    def test_migrate_is_as_ever(self, project: Project) -> None:
        """No history, no lock, no connection of our own, and a transaction is no matter."""
        project.add_contrib("auth", "contenttypes")
        (project.folder / "blog/sql_migrations").rmdir()
        code = (
            "from django.core.management import call_command\nfrom django.db import transaction\n"
            "with transaction.atomic():\n    call_command('migrate', verbosity=0)\n"
            "import sys; print('bridge', 'medusa_migrations.management.migrate.bridge' in sys.modules)"
        )
        assert "bridge False" in project.manage("shell", "-c", code, real=True).ok().stdout
        assert "auth_user" in project.tables()
        assert project.history() == []

    def test_dumpdata_leaves_the_history_out(self, project: Project) -> None:
        project.add_contrib("auth", "contenttypes")
        project.manage("migrate").ok()
        assert project.manage("dumpdata", "medusa_migrations").ok().stdout.strip() == "[]"
        project.table(1)
        project.run().ok()
        assert '"medusa_migrations.appliedmigration"' not in project.manage("dumpdata").ok().stdout

    def test_only_djangos_pending_makes_no_history_table(self, project: Project) -> None:
        project.add_contrib("auth", "contenttypes")
        project.manage("migrate", env={"DEBUG": "1"}).ok()
        assert project.sql("SELECT to_regclass('medusa_migrations')") == [(None,)]
