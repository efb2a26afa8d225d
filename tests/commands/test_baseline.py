"""`makemigration APP... --baseline`: a project that Django's migrations have made, with the traps of real ones."""

from __future__ import annotations

import shutil
import signal

import pytest

from tests.support.projects import UNLOCKED, Project
from tests.support.scratches import scratches

FIRST = """
class Author(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=50)

class Book(models.Model):
    title = models.CharField(max_length=100, db_index=True)
    author = models.ForeignKey(Author, models.CASCADE)
"""
SECOND = """
import uuid

class Author(models.Model):
    name = models.CharField(max_length=50, unique=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    favourite = models.ForeignKey("shop.Item", models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey("auth.User", models.CASCADE, null=True)

class Book(models.Model):
    heading = models.CharField(max_length=100, db_index=True)
    author = models.ForeignKey(Author, models.CASCADE)
    readers = models.ManyToManyField(Author, related_name="+")

class Novel(Book):
    length = models.PositiveIntegerField(default=0)

class Old(models.Model):
    class Meta:
        managed = False

class Good(Book):
    class Meta:
        proxy = True
"""
ITEM = """
import uuid

class Item(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    by = models.ForeignKey("writers.Author", models.CASCADE)
"""

NEW = "state IN ('new', 'changed')"


def migrated(project: Project) -> Project:
    """Tables that have become what they are in steps, so that names are those of before."""
    project.add_contrib("contenttypes", "auth")
    for app in ("writers", "shop"):
        project.add_models(app, "")
        (project.folder / app / "migrations").mkdir()
        (project.folder / app / "migrations/__init__.py").touch()
    project.add_models("writers", FIRST)
    project.manage("makemigrations", "writers", "-v0").ok()
    project.add_models("writers", FIRST.replace("    id = models.AutoField(primary_key=True)\n", ""))
    project.manage("makemigrations", "writers", "-v0").ok()
    text = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n"
    text += '    dependencies = [("writers", "0002_alter_author_id")]\n'
    text += '    operations = [migrations.RenameField("book", "title", "heading")]\n'
    (project.folder / "writers/migrations/0003_renamed.py").write_text(text)
    project.add_models("writers", SECOND)
    project.add_models("shop", ITEM)
    project.manage("makemigrations", "writers", "shop", "-v0").ok()
    project.manage("migrate", "-v0").ok()
    return project


def names(project: Project) -> list[tuple[str, ...]]:
    return project.sql(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0"
        " AND connamespace = 'public'::regnamespace AND contype <> 'n' UNION ALL SELECT tablename::text, indexname,"
        " indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2, 3"
    )


def ids(project: Project) -> list[str]:
    found = [
        f"{app}.{path.stem}"
        for app in ("writers", "shop")
        for path in (project.folder / app).glob("sql_migrations/*.sql")
    ]
    return sorted(found, key=lambda id_: id_.partition(".")[2])


@pytest.mark.smoke
@pytest.mark.usefixtures("auth_is_there")
def test_apps_that_refer_to_each_other_are_written_recorded_and_made_anew(
    project: Project, shop_on_auth: Project
) -> None:
    migrated(project)
    made = project.manage("makemigration", "writers", "shop", "--baseline").ok()
    found = ids(project)
    assert [id_.partition(".")[0] for id_ in found] in (["shop", "writers", "shop"], ["writers", "shop", "writers"])
    assert found[2].endswith("_baseline_keys")
    assert project.applied() == found
    assert project.sql("SELECT DISTINCT action FROM medusa_migrations_log") == [("faked",)]
    assert "Recorded 3 migrations as applied in the database 'default'" in made.stdout
    assert "delete writers/migrations and shop/migrations, all at once" in made.stdout
    for app in ("writers", "shop"):
        shutil.rmtree(project.folder / app / "migrations")
    before = names(project)
    done = project.manage_several(
        ("migrations_build",),
        ("migrations_run", "--check"),
        ("makemigration", "writers", "--generate", "--check"),
        ("makemigration", "shop", "--generate", "--check"),
        ("migrations_verify", "--no-lint"),
    )
    assert done.ok().stdout.count("No changes detected") == 2
    project.server.drop_database(project.database)
    project.server.create_database(project.database, shop_on_auth.database)
    project.manage("migrate", "-v0").ok()
    assert names(project) == before


THING = """
class Thing(models.Model):
    name = models.CharField(max_length=50)
"""
MADE = (
    'migrations.CreateModel("Thing", [("id", models.BigAutoField(primary_key=True)),'
    ' ("name", models.CharField(max_length=50))])'
)
TABLE = "CREATE TABLE {} (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name varchar(50) NOT NULL);"


def plain(project: Project, *apps: str) -> Project:
    """Apps with a table each, which no migration has made."""
    for app in apps:
        project.add_models(app, THING)
        project.sql(TABLE.format(f"{app}_thing"))
    return project


def refer(project: Project, app: str, other: str) -> None:
    project.add_models(app, f'{THING}    other = models.ForeignKey("{other}.Thing", models.CASCADE)')
    project.sql(f"ALTER TABLE {app}_thing ADD other_id bigint NOT NULL REFERENCES {other}_thing")


def written(project: Project) -> list[str]:
    return sorted(path.name for path in project.folder.glob("*/sql_migrations/*.sql"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--generate",), "--generate and --baseline cannot go together"),
        (("--python",), "--python and --baseline cannot go together"),
        (("--check",), "--check and --baseline cannot go together"),
        (("--online",), "--online and --baseline cannot go together"),
        (("--drop-tables",), "--drop-tables and --baseline cannot go together"),
        (("--rename", "a=b"), "--rename and --baseline cannot go together"),
        (("--timestamp", "20240231000000"), "20240231000000"),
        (("--database", "other"), "There is no database 'other'"),
        (("nothing",), "There is no app with the label 'nothing'"),
        (("auth",), "The app 'auth' is installed from a package"),
    ],
)
def test_what_does_not_go_together_is_refused(project: Project, options: tuple[str, ...], message: str) -> None:
    project.add_contrib("contenttypes", "auth")
    plain(project, "things")
    assert message in project.manage("makemigration", "things", "--baseline", *options).error()
    assert written(project) == []


def test_what_goes_with_it_alone_is_refused_without_it(project: Project) -> None:
    plain(project, "things")
    assert (
        "--scratch goes with --baseline only"
        in project.manage("makemigration", "things", "x", "--scratch", "y").error()
    )


def test_a_django_migration_that_is_not_applied_is_named(project: Project) -> None:
    project.add_models("things", THING)
    project.add_django_migration("things", "0001_initial", MADE)
    message = project.manage("makemigration", "things", "--baseline").error()
    assert "things.0001_initial: not applied in the database 'default'" in message


@pytest.mark.slow
def test_migrations_of_the_apps_own_are_refused(project: Project) -> None:
    plain(project, "things")
    project.write("things.20240101000000_more", "CREATE INDEX more ON things_thing (name);")
    assert (
        "things.20240101000000_more: not applied as it is now"
        in project.manage("makemigration", "things", "--baseline").error()
    )
    project.run().ok()
    message = project.manage("makemigration", "things", "--baseline").error()
    assert "things.20240101000000_more: is about things_thing" in message
    project.write("things.20240101000000_more", "CREATE TABLE rest (id int);")
    project.manage("migrations_build").ok()
    project.manage("migrations_repair", "--accept-changes").ok()
    project.manage("makemigration", "things", "--baseline").ok()


def test_an_app_that_sql_has_taken_over_is_to_leave_the_setting(project: Project) -> None:
    project.add_models("things", THING)
    project.add_django_migration("things", "0001_initial", MADE)
    project.manage("migrate").ok()
    project.configure(SQL_SINCE={"things": "0001_initial"})
    done = project.manage("makemigration", "things", "--baseline").ok().stdout
    assert "delete things/migrations, all at once, take things out of SQL_SINCE, and run migrations_build" in done
    shutil.rmtree(project.folder / "things/migrations")
    project.settings.clear()
    project.configure()
    project.manage("migrations_build").ok()
    assert project.manage("check").ok().stderr == ""


def test_one_whose_file_is_gone_would_take_the_tables_away_when_it_is_undone(project: Project) -> None:
    plain(project, "things")
    for number in (1, 2):
        name = f"things.2024010100000{number}_baseline"
        project.manage("makemigration", "things", "--baseline", "--timestamp", name[7:21]).ok()
        (project.folder / "things/sql_migrations" / f"{name[7:]}.sql").unlink()
        message = project.manage("makemigration", "things", "--baseline").error()
        assert f"Applied, and without a file: {name}. What it did would be in the baseline too" in message
        assert written(project) == []
        project.manage("migrations_repair", *message.partition("migrations_repair ")[2].split()).ok()
    project.manage("makemigration", "things", "--baseline").ok()
    assert len(project.applied()) == 1


@pytest.mark.parametrize(
    ("meta", "sql", "message"),
    [
        ("db_table = 'other\".\"thing'", "", "things.Thing has the db_table"),
        (f"db_table = '{'x' * 64}'", "", "longer than PostgreSQL's 63 bytes"),
        ("db_table = 'gone'", "", "gone of the app 'things' in the database 'default': there is no such table"),
        ("db_table = 'seen'", "CREATE VIEW seen AS SELECT 1 AS id;", "that is no table"),
        ("managed = False", "", "no model has a table"),
    ],
)
def test_a_table_that_cannot_be_written_is_refused(project: Project, meta: str, sql: str, message: str) -> None:
    project.add_models("things", f"{THING}    class Meta:\n        {meta}")
    if sql:
        project.sql(sql)
    assert message in project.manage("makemigration", "things", "--baseline").error()


def test_a_table_of_another_schema_of_the_search_path_is_refused(project: Project) -> None:
    plain(project, "things")
    project.sql("CREATE SCHEMA first; CREATE SCHEMA last; ALTER TABLE things_thing SET SCHEMA last")
    project.sql(f"ALTER DATABASE {project.database} SET search_path = first, last")
    message = project.manage("makemigration", "things", "--baseline").error()
    assert "in the schema 'last'; tables are made in the first of search_path, which is 'first'" in message


@pytest.mark.slow
def test_another_schema_than_public_is_the_first(project: Project) -> None:
    project.sql('CREATE SCHEMA "My own"')
    project.sql(f'ALTER DATABASE {project.database} SET search_path = "My own", public')
    plain(project, "things")
    project.manage("makemigration", "things", "--baseline").ok()
    (path,) = project.folder.glob("things/sql_migrations/*.sql")
    assert 'CREATE TABLE "things_thing"' in path.read_text()


def test_a_foreign_key_to_an_app_without_migrations_is_refused_by_name(project: Project) -> None:
    refer(plain(project, "things", "others"), "things", "others")
    message = project.manage("makemigration", "things", "--baseline").error()
    assert "refers to others_thing of the app 'others', which has migrations of neither kind" in message
    assert "makemigration things others --baseline" in message
    project.manage("makemigration", "things", "others", "--baseline").ok()
    assert [name.partition("_")[2] for name in written(project)] == ["baseline.sql", "baseline.sql"]


@pytest.mark.slow
def test_a_proxy_of_another_apps_model_does_not_take_its_table(project: Project) -> None:
    project.add_contrib("contenttypes", "auth")
    group = "class Group(Group):\n    class Meta:\n        proxy = True\n"
    role = "class Role(models.Model):\n    group = models.ForeignKey(Group, models.CASCADE)\n"
    project.add_models("people", f"from django.contrib.auth.models import Group\n{group}{role}")
    (project.folder / "people/migrations").mkdir()
    (project.folder / "people/migrations/__init__.py").touch()
    project.manage("makemigrations", "people", "-v0").ok()
    project.manage("migrate", "-v0").ok()
    project.manage("makemigration", "people", "--baseline").ok()
    assert "-- migrate:depends auth." in next((project.folder / "people/sql_migrations").glob("*.sql")).read_text()


@pytest.mark.slow
def test_it_comes_after_the_latest_sql_migration_of_another_app(project: Project) -> None:
    refer(plain(project, "things", "others"), "things", "others")
    project.manage("makemigration", "others", "--baseline").ok()
    project.manage("makemigration", "things", "--baseline").ok()
    (path,) = project.folder.glob("things/sql_migrations/*.sql")
    assert "-- migrate:depends others.2" in path.read_text()


@pytest.mark.slow
def test_an_app_whose_django_migrations_come_after_these_is_named(project: Project) -> None:
    project.add_models("things", THING)
    project.add_django_migration("things", "0001_initial", MADE)
    project.add_models("others", f'{THING}    other = models.ForeignKey("things.Thing", models.CASCADE)')
    operation = MADE.replace("])", ', ("other", models.ForeignKey("things.Thing", models.CASCADE))])')
    project.add_django_migration("others", "0001_initial", operation, ("things", "0001_initial"))
    project.manage("migrate", "-v0").ok()
    refer(project, "things", "others")
    message = project.manage("makemigration", "things", "--baseline").error()
    assert "refers to others.thing, whose Django migrations come after those of things" in message
    assert "makemigration things others --baseline" in message


@pytest.mark.slow
def test_places_in_django_migrations_of_other_apps_are_named(project: Project) -> None:
    project.add_models("things", THING)
    project.add_django_migration("things", "0001_initial", MADE)
    project.add_models("others", THING)
    project.add_django_migration("others", "0001_initial", MADE, ("things", "0001_initial"))
    project.manage("migrate", "-v0").ok()
    done = project.manage("makemigration", "things", "--baseline").ok()
    assert (
        'others/migrations/0001_initial.py:4: ("things", "0001_initial"): write ("things", "__first__")' in done.stderr
    )
    assert "Next: change the places that are named above" in done.stdout
    assert "Then: delete things/migrations, all at once" in done.stdout
    project.manage("migrations_build").ok()
    assert project.manage("migrate").ok().stdout.count("Applying") == 0


@pytest.mark.slow
def test_what_is_not_written_is_told(project: Project) -> None:
    plain(project, "things")
    project.sql(
        "CREATE TABLE things_old (id int); CREATE TABLE log (t text);"
        "CREATE VIEW names AS SELECT name FROM things_thing;"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN NEW; END';"
        "CREATE FUNCTION other() RETURNS int RETURN 1; GRANT SELECT ON things_thing TO PUBLIC;"
        "CREATE TRIGGER t BEFORE INSERT ON things_thing FOR EACH ROW EXECUTE FUNCTION f();"
    )
    told = project.manage("makemigration", "things", "--baseline").ok().stderr
    assert "No model has things_old, which is not written" in told
    assert "Views and functions that the tables do not need are not written: names, other." in told
    assert "The function f names log, which no model has" in told
    assert "Rights that were granted on things_thing are not written" in told


def test_a_dry_run_prints_the_files_and_changes_nothing(project: Project) -> None:
    refer(plain(project, "things", "others"), "things", "others")
    done = project.manage("makemigration", "things", "others", "--baseline", "--dry-run").ok()
    assert done.stdout.startswith("-- others/sql_migrations/2")
    assert done.stdout.count("-- migrate:baseline\n") == 2
    assert done.stderr.count("Would create") == 2
    assert written(project) == []
    assert project.history() == []
    assert project.tables() == {"things_thing", "others_thing"}


def test_json(project: Project) -> None:
    plain(project, "things")
    done = project.manage("makemigration", "things", "--baseline", "--json", "--timestamp", "20240101000000").ok()
    assert done.json == {
        "database": "default",
        "apps": ["things"],
        "files": [
            {"id": "things.20240101000000_baseline", "path": "things/sql_migrations/20240101000000_baseline.sql"}
        ],
        "recorded": ["things.20240101000000_baseline"],
        "warnings": [],
        "to_delete": [],
        "references": [],
    }
    again = project.manage("makemigration", "things", "--baseline", "--json")
    assert again.code == 1
    assert "is about things_thing" in again.json["error"]["message"]


@pytest.mark.slow
def test_what_another_app_makes_is_left_to_it(project: Project) -> None:
    plain(project, "things")
    project.write("blog.20240101000000_types", "CREATE TYPE mood AS ENUM ('a'); CREATE EXTENSION citext;")
    project.run().ok()
    project.sql("ALTER TABLE things_thing ADD m mood, ADD c citext, ADD h mood[]")
    project.manage("makemigration", "things", "--baseline").ok()
    (path,) = project.folder.glob("things/sql_migrations/*.sql")
    assert "-- migrate:depends blog.20240101000000_types" in path.read_text()
    assert "CREATE TYPE" not in path.read_text()
    assert "EXTENSION" not in path.read_text()


@pytest.mark.slow
def test_what_two_apps_need_is_made_by_the_first(project: Project) -> None:
    plain(project, "things", "others")
    project.sql("CREATE EXTENSION citext; CREATE DOMAIN word AS citext; ALTER TABLE things_thing ADD w word;")
    project.sql("ALTER TABLE others_thing ADD w word, ADD c citext")
    project.manage("makemigration", "things", "others", "--baseline").ok()
    first, second = sorted(project.folder.glob("*/sql_migrations/*.sql"), key=lambda path: path.name)
    assert "CREATE DOMAIN word AS citext" in first.read_text()
    assert f"-- migrate:depends {first.parts[-3]}.{first.stem}" in second.read_text()
    assert "CREATE DOMAIN" not in second.read_text()


def test_a_difference_is_named_and_nothing_is_written(project: Project) -> None:
    """A constraint whose trigger is disabled is live, and no SQL of a baseline makes it so."""
    refer(plain(project, "things", "others"), "things", "others")
    project.sql("ALTER TABLE things_thing DISABLE TRIGGER ALL")
    message = project.manage("makemigration", "things", "others", "--baseline").error()
    assert "constraint public.things_thing.things_thing_other_id_fkey: triggers" in message
    assert "Nothing was written" in message
    assert written(project) == []
    assert project.history() == []


@pytest.mark.slow
def test_a_condition_that_postgresql_prints_otherwise_each_time_is_no_difference(project: Project) -> None:
    """`IN` of a varchar is cast as a whole where it was written, and one by one where that print was read."""
    plain(project, "things")
    state = "varchar(20) DEFAULT 'new' CHECK (state IN ('new', 'old'))"
    project.sql(f"ALTER TABLE things_thing ADD state {state}, ADD is_new bool GENERATED ALWAYS AS ({NEW}) STORED")
    project.sql(f"CREATE UNIQUE INDEX one_of_each ON things_thing (name) WHERE {NEW}")
    project.sql(f"CREATE POLICY news ON things_thing USING ({NEW})")
    project.manage("makemigration", "things", "--baseline").ok()
    project.manage("migrations_build").ok()
    proof = project.manage("migrations_verify", "--all", "--live").stdout
    assert "Live database default: no difference." in proof


def test_the_files_stay_where_they_cannot_be_recorded(project: Project) -> None:
    plain(project, "things")
    project.sql("CREATE ROLE plain LOGIN CREATEDB; GRANT SELECT ON things_thing TO plain")
    try:
        project.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        project.add_settings('DATABASES["default"]["USER"] = "plain"')
        message = project.manage("makemigration", "things", "--baseline").error()
        assert "The files are written and proven, and are not recorded as applied in 'default'" in message
        (name,) = written(project)
        assert f"migrations_repair --mark-applied things.{name.removesuffix('.sql')}" in message
        project.add_settings('DATABASES["default"]["USER"] = "postgres"')
        project.manage("migrations_build").ok()
        project.manage("migrations_repair", "--mark-applied", f"things.{name.removesuffix('.sql')}").ok()
        assert project.applied() == [f"things.{name.removesuffix('.sql')}"]
    finally:
        project.sql("DROP OWNED BY plain; DROP ROLE plain")


def test_without_createdb_an_empty_database_is_used(project: Project) -> None:
    plain(project, "things")
    scratch = f"{project.database}_s"
    project.sql("CREATE ROLE bare LOGIN; GRANT CREATE ON SCHEMA public TO bare")
    project.server.execute(f"CREATE DATABASE {scratch} TEMPLATE template0 OWNER bare")
    try:
        project.add_settings('DATABASES["default"]["USER"] = "bare"')
        assert "--scratch NAME" in project.manage("makemigration", "things", "--baseline").error()
        project.manage("makemigration", "things", "--baseline", "--scratch", scratch).ok()
        assert project.server.execute("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace", scratch) == []
    finally:
        project.server.drop_database(scratch)
        project.sql("DROP OWNED BY bare; DROP ROLE bare")


def test_of_two_at_once_one_writes_and_the_other_is_refused(project: Project) -> None:
    plain(project, "things")
    started = [project.start("makemigration", "things", "--baseline") for _ in range(2)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in started]
    assert sorted(code for _, _, code in ended) == [0, 1], ended
    assert len(written(project)) == 1
    assert project.locks() == 0


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_where_it_is_stopped_in_the_proof_nothing_is_written(project: Project, signal_: int) -> None:
    plain(project, "things")
    process = project.start("makemigration", "things", "--baseline")
    project.wait_for(f"EXISTS (SELECT FROM pg_database WHERE datname = 'medusa_verify_default_{process.pid}')")
    process.send_signal(signal_)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == (130 if signal_ == signal.SIGINT else -9), (stdout, stderr)
    assert written(project) == []
    project.wait_for(UNLOCKED)
    project.manage("makemigration", "things", "--baseline").ok()
    assert f"_{process.pid}" not in str(scratches(project))


@pytest.mark.slow
def test_what_needs_a_table_of_a_later_app_goes_to_the_second_file(project: Project) -> None:
    plain(project, "a", "b", "c")
    for app, other in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "b")):
        project.sql(f"ALTER TABLE {app}_thing ADD {other}_id bigint REFERENCES {other}_thing")
    project.sql(
        "CREATE SEQUENCE shared; ALTER TABLE a_thing ADD n int DEFAULT nextval('shared');"
        "ALTER TABLE c_thing ADD n int DEFAULT nextval('shared');"
        "CREATE FUNCTION f(a_thing, b_thing) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';"
        "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM f(NULL, NULL); RETURN NEW; END';"
        "CREATE POLICY p ON a_thing USING (EXISTS (SELECT FROM b_thing, c_thing WHERE f(a_thing, b_thing)));"
        "CREATE TRIGGER t BEFORE INSERT ON c_thing FOR EACH ROW EXECUTE FUNCTION g();"
        "CREATE TABLE parts (CHECK (id > 0)) INHERITS (b_thing);"
    )
    before = project.sql("SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY 1")
    project.manage("makemigration", "a", "b", "c", "--baseline").ok()
    project.manage("migrations_build").ok()
    assert project.manage("migrations_verify", "--no-lint").stdout.count("proven (") == len(written(project))
    project.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    project.manage("migrations_run").ok()
    project.manage("migrations_revert", "--all", "--no-input").ok()
    assert project.tables() == set()
    project.manage("migrations_run").ok()
    assert project.sql("SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY 1") == before
    assert [name.partition("_")[2] for name in written(project)] == ["baseline.sql"] * 3 + ["baseline_keys.sql"] * 3


@pytest.mark.slow
def test_a_user_model_of_its_own_that_djangos_admin_refers_to(project: Project) -> None:
    project.add_contrib("contenttypes", "auth", "sessions", "messages", "admin")
    project.add_settings('AUTH_USER_MODEL = "people.User"')
    project.add_models(
        "people",
        "from django.contrib.auth.models import AbstractUser\nclass User(AbstractUser):\n"
        "    motto = models.TextField(blank=True)\n",
    )
    (project.folder / "people/migrations").mkdir()
    (project.folder / "people/migrations/__init__.py").touch()
    project.manage("makemigrations", "people", "-v0").ok()
    project.manage("migrate", "-v0").ok()
    done = project.manage("makemigration", "people", "--baseline").ok()
    assert done.stderr == ""
    shutil.rmtree(project.folder / "people/migrations")
    project.manage("migrations_build").ok()
    before = names(project)
    assert "No migrations to apply" in project.manage("migrate").ok().stdout
    project.manage("migrations_verify", "--no-lint").ok()
    project.server.drop_database(project.database)
    project.server.create_database(project.database)
    project.manage("migrate", "-v0").ok()
    assert names(project) == before


def test_where_one_file_cannot_be_written_none_is(project: Project) -> None:
    refer(plain(project, "things", "others"), "things", "others")
    project.configure(LINEAR=True)
    (project.folder / "things/sql_migrations").write_text("no folder")
    message = project.manage("makemigration", "things", "others", "--baseline").error()
    assert "things/sql_migrations" in message
    assert written(project) == []
    assert not (project.folder / "others/sql_migrations/max_migration.txt").exists()
    (project.folder / "things/sql_migrations").unlink()
    project.manage("makemigration", "things", "others", "--baseline").ok()
    assert (project.folder / "others/sql_migrations/max_migration.txt").exists()


@pytest.mark.slow
def test_places_in_sql_migrations_and_what_a_repeatable_one_makes_too_are_named(project: Project) -> None:
    project.add_models("things", THING)
    project.add_django_migration("things", "0001_initial", MADE)
    project.manage("migrate", "-v0").ok()
    project.write(
        "blog.20240101000000_first",
        "CREATE TABLE t (id int);",
        header="-- Text.\n-- migrate:depends things.0001_initial\n",
    )
    project.write(
        "blog.R__mark",
        "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        'CREATE OR REPLACE TRIGGER "Mark it" BEFORE INSERT ON things_thing FOR EACH ROW EXECUTE FUNCTION f();',
    )
    project.run().ok()
    done = project.manage("makemigration", "things", "--baseline").ok()
    (path,) = project.folder.glob("things/sql_migrations/*.sql")
    assert "blog/sql_migrations/20240101000000_first.sql:2: depends on things.0001_initial" in done.stderr
    assert "blog.R__mark makes the function f too" in done.stderr
    assert 'blog.R__mark makes the trigger things_thing."Mark it" too' in done.stderr
    shutil.rmtree(project.folder / "things/migrations")
    project.write(
        "blog.20240101000000_first", "CREATE TABLE t (id int);", header=f"-- migrate:depends things.{path.stem}\n"
    )
    project.server.drop_database(project.database)
    project.server.create_database(project.database)
    project.run().ok()
    assert project.tables() == {"t", "things_thing"}


@pytest.mark.slow
def test_an_extension_that_new_databases_have_is_not_dropped(project: Project) -> None:
    plain(project, "things")
    template = f"{project.database}_t"
    project.server.create_database(template)
    project.server.execute("CREATE EXTENSION citext", template)
    project.add_settings(f'DATABASES["default"]["TEST"] = {{"TEMPLATE": "{template}"}}')
    try:
        project.sql("CREATE EXTENSION citext; ALTER TABLE things_thing ADD c citext")
        project.manage("makemigration", "things", "--baseline").ok()
        (path,) = project.folder.glob("things/sql_migrations/*.sql")
        assert 'CREATE EXTENSION IF NOT EXISTS "citext"' in path.read_text()
        assert "DROP EXTENSION" not in path.read_text()
        project.manage("migrations_build").ok()
        assert "proven (" in project.manage("migrations_verify", "--no-lint").stdout
    finally:
        project.server.drop_database(template)


@pytest.mark.slow
def test_a_key_of_another_app_that_has_a_type_of_an_extension(project: Project) -> None:
    project.add_models("others", "class Thing(models.Model):\n    name = models.TextField(primary_key=True)\n")
    project.sql("CREATE EXTENSION citext; CREATE TABLE others_thing (name citext PRIMARY KEY)")
    project.manage("makemigration", "others", "--baseline").ok()
    plain(project, "things")
    project.sql("ALTER TABLE things_thing ADD other citext REFERENCES others_thing")
    project.manage("makemigration", "things", "--baseline").ok()
    (path,) = project.folder.glob("things/sql_migrations/*.sql")
    assert "EXTENSION" not in path.read_text()
