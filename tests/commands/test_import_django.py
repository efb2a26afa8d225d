"""migrations_import django: an app's Django migrations become SQL that makes the very same, and is proven both ways."""

from __future__ import annotations

import re
import shutil
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders import files_below
from tests.support.copies import begin_with, copied, original
from tests.support.projects import Outcome, Project, Server
from tests.support.slow import sampled

HEAD = """\
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.deletion import CASCADE
from django.db.models.functions import Lower, Now
"""

INITIAL = """
initial = True
dependencies = [
    ("contenttypes", "0002_remove_content_type_name"),
    migrations.swappable_dependency(settings.AUTH_USER_MODEL),
]
operations = [
    migrations.CreateModel("Tag", [
        ("id", models.AutoField(primary_key=True)),
        ("word", models.SlugField(unique=True)),
    ]),
    migrations.CreateModel("Author", [
        ("id", models.AutoField(primary_key=True)),
        ("name", models.CharField(max_length=50, unique=True)),
        ("user", models.ForeignKey(settings.AUTH_USER_MODEL, CASCADE)),
    ]),
    migrations.CreateModel("Post", [
        ("id", models.AutoField(primary_key=True)),
        ("title", models.CharField(max_length=50, db_index=True)),
        ("day", models.DateField()),
        ("size", models.IntegerField()),
        ("kind", models.ForeignKey("contenttypes.ContentType", CASCADE)),
        ("author", models.ForeignKey("blog.Author", CASCADE, related_name="posts")),
        ("tags", models.ManyToManyField("blog.Tag", related_name="posts")),
    ], options={"unique_together": {("author", "title")}}),
    migrations.AddIndex("post", models.Index(fields=["day", "size"], name="by_day")),
]
"""

# Each with what it is called, after the one before it.
OTHERS = {
    "0002_wider": """
        migrations.AlterField("author", "id", models.BigAutoField(primary_key=True)),
        migrations.AlterField("post", "title", models.TextField(db_index=True)),
        migrations.AlterField("author", "name", models.CharField(max_length=80, unique=True, default="")),
        migrations.AlterField("post", "size", models.BigIntegerField(unique=True)),
        """,
    "0003_renames": """
        migrations.RenameField("author", "name", "full_name"),
        migrations.RenameModel("Author", "Writer"),
        migrations.RenameField("post", "author", "writer"),
        """,
    "0004_unique": """
        migrations.AlterUniqueTogether("post", {("writer", "day")}),
        migrations.AlterUniqueTogether("post", set()),
        migrations.AddConstraint("post", models.UniqueConstraint(Lower("title"), "writer", name="one_title")),
        migrations.AddConstraint("post", models.UniqueConstraint(fields=["day"], condition=Q(size__gt=9), name="big")),
        """,
    "0005_indexes": """
        migrations.RenameIndex("post", new_name="by_day_and_size", old_name="by_day"),
        migrations.AlterField("post", "size", models.IntegerField(db_comment="all of 'it'")),
        """,
    "0006_tags": """
        migrations.RemoveField("post", "tags"),
        migrations.AddField("post", "labels", models.ManyToManyField("blog.Tag", db_table="post_label")),
        migrations.AddField("writer", "mentor", models.ForeignKey("self", CASCADE, null=True, db_index=False)),
        """,
    "0007_values": """
        migrations.AddField("post", "at", models.DateTimeField(db_default=Now())),
        migrations.AddField("post", "state", models.CharField(max_length=9, default="it's %s")),
        migrations.AddField("post", "double", models.GeneratedField(
            expression=F("size") * 2, output_field=models.IntegerField(), db_persist=True)),
        migrations.AddConstraint("post", models.CheckConstraint(condition=~Q(state="50%"), name="no_half")),
        """,
    "0008_sql": """
        migrations.RunSQL(
            [("CREATE VIEW old AS SELECT id FROM blog_post WHERE state = %s AND title LIKE '%%x'", ["it's"]),
             "COMMENT ON VIEW old IS '100%'"],
            reverse_sql="DROP VIEW old -- the end"),
        migrations.RunSQL('''
            CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$
              SELECT 1; -- one
            $$;
            CREATE TABLE kept ();
        ''', "DROP TABLE kept; DROP FUNCTION one()", state_operations=[]),
        migrations.RunSQL(migrations.RunSQL.noop, migrations.RunSQL.noop),
        """,
    "0009_python": """
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(migrations.RunPython.noop, lambda apps, editor: None),
        """,
    "0010_separate": """
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("ALTER TABLE blog_tag RENAME TO word",
                                                   "ALTER TABLE word RENAME TO blog_tag")],
            state_operations=[migrations.AlterModelTable("tag", "word")],
        ),
        migrations.AlterModelOptions("tag", {"ordering": ["word"]}),
        """,
    "0011_concurrently": """
        AddIndexConcurrently("post", models.Index(fields=["state"], name="by_state")),
        AddIndexConcurrently("writer", models.Index("full_name", name="by_name")),
        RemoveIndexConcurrently("writer", "by_name"),
        """,
    "0012_a": """migrations.CreateModel("A", [("id", models.BigAutoField(primary_key=True))]),""",
    "0013_b": """migrations.AddField("a", "b", models.IntegerField(null=True)),""",
    "0014_gone": """migrations.DeleteModel("A"), migrations.RemoveField("writer", "mentor"),""",
}

SQUASHED = """
replaces = [("blog", "0012_a"), ("blog", "0013_b")]
dependencies = [("blog", "0011_concurrently")]
operations = [
    migrations.CreateModel("A", [("id", models.BigAutoField(primary_key=True)), ("b", models.IntegerField(null=True))]),
]
"""

NAMES = [
    "20000101000001_0001_initial",
    "20000101000002_0002_wider",
    "20000101000003_0003_renames",
    "20000101000004_0004_unique",
    "20000101000005_0005_indexes",
    "20000101000006_0006_tags",
    "20000101000007_0007_values",
    "20000101000008_0008_sql",
    "20000101000009_0009_python",
    "20000101000010_0010_separate",
    "20000101000011_0011_concurrently",
    "20000101000012_0012_squashed_0013_b",
    "20000101000014_0014_gone",
]

COMMAND = ("migrations_import", "django", "blog", "--app", "blog")
OFF = 'MIGRATION_MODULES = {"blog": None}'


def add(project: Project, name: str, body: str, before: str = "", *, app: str = "blog") -> Path:
    """A Django migration with this body of its class."""
    package = project.folder / app / "migrations"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    path = package / f"{name}.py"
    path.write_text(f"{HEAD}{before}\nclass Migration(migrations.Migration):\n{textwrap.indent(body, '    ')}")
    return path


def add_one(project: Project, name: str, operations: str, *, after: str | None = None, before: str = "") -> Path:
    dependencies = [("blog", after)] if after else []
    body = f"dependencies = {dependencies!r}\noperations = [{textwrap.dedent(operations)}]\n"
    return add(project, name, body, before)


def make_blog(project: Project) -> Project:
    """A project whose app has what Django's migrations may hold."""
    project.add_contrib("contenttypes", "auth")
    add(project, "0001_initial", INITIAL)
    after = "0001_initial"
    for name, operations in OTHERS.items():
        before = (
            "def fill(apps, editor):\n    for post in apps.get_model('blog', 'Post').objects.all():\n        pass\n"
        )
        path = add_one(project, name, operations, after=after, before=before if name == "0009_python" else "")
        if name == "0011_concurrently":
            path.write_text(path.read_text().replace("    operations", "    atomic = False\n    operations"))
        after = name
    add(project, "0012_squashed_0013_b", SQUASHED)
    return project


@pytest.fixture
def blog(project: Project) -> Project:
    return make_blog(project)


@pytest.fixture(scope="module")
def first(
    server: Server, tmp_path_factory: pytest.TempPathFactory, shop_on_auth: Project
) -> Iterator[tuple[Project, Outcome]]:
    """The blog, with all of it applied by Django and imported then, and what the import said."""
    with original(server, tmp_path_factory.mktemp("imported"), "imported") as project:
        begin_with(project, shop_on_auth.database)
        make_blog(project).manage("migrate").ok()
        yield project, project.manage(*COMMAND).ok()


def settle(project: Project) -> None:
    """What a person does who has seen that nothing is to be written."""
    for path in (project.folder / "blog/sql_migrations").glob("*.sql"):
        path.write_text(
            "".join(line for line in path.read_text().splitlines(True) if not line.startswith("DO $import"))
        )


def sources(project: Project) -> dict[str, str]:
    found = files_below(project.folder / "blog/sql_migrations")
    return {name: text.decode() for name, text in sorted(found.items())}


def test_the_sql_makes_the_very_same_and_is_proven_both_ways(blog: Project, first: tuple[Project, Outcome]) -> None:
    """Names too: the database that Django has made is compared with the one that the SQL makes."""
    before = files_below(blog.folder / "blog/migrations")
    imported_blog, done = first
    copied(imported_blog, blog)
    assert "Imported 13 migrations of django into 'blog'" in done.stdout
    assert re.findall(r"blog/migrations/(\S+): (.+) is Python", done.stderr) == [
        ("0009_python.py:14", "this"),
        ("0009_python.py:15", "what undoes this"),
    ]
    assert "difference" not in done.stderr
    assert [*sources(blog)] == [f"{name}.sql" for name in NAMES]
    assert files_below(blog.folder / "blog/migrations") == before
    settle(blog)
    blog.add_settings(OFF)
    blog.sql("UPDATE django_migrations SET applied = '2024-05-06 07:08:09Z' WHERE app = 'blog'")
    done = blog.manage_several(
        (*COMMAND, "--history"),
        ("migrations_build",),
        ("migrations_run", "--check"),
        ("migrations_verify", "--all", "--live", "--no-lint", "--require-down"),
    )
    done.ok()
    assert "Live database default: no difference." in done.stdout
    assert done.stdout.count("... proven") == len(NAMES)
    assert "MIGRATION_MODULES" not in done.stdout, "it is set"
    assert blog.sql("SELECT DISTINCT applied_at AT TIME ZONE 'UTC' = '2024-05-06 07:08:09' FROM medusa_migrations") == [
        (True,)
    ]


@pytest.mark.usefixtures("auth_is_there")
def test_an_empty_database_is_made_by_the_sql_and_reverted_to_nothing(
    blog: Project, first: tuple[Project, Outcome]
) -> None:
    shutil.copytree(first[0].folder, blog.folder, dirs_exist_ok=True)
    settle(blog)
    blog.add_settings(OFF)
    blog.manage_several(("migrations_build",), ("migrate",)).ok()
    assert blog.applied() == [f"blog.{name}" for name in NAMES]
    assert {"blog_post", "blog_writer", "word", "kept", "post_label"} <= blog.tables()
    blog.manage("migrations_revert", "--all", "--no-input").ok()
    assert blog.tables() & {"blog_post", "blog_writer", "word", "blog_tag", "kept", "post_label"} == set()


KEY = '("id", models.BigAutoField(primary_key=True))'
THING = f'migrations.CreateModel("Thing", [{KEY}]),'


def imported(project: Project, *options: str) -> tuple[str, str]:
    """The text of the newest file, and what is said on stderr."""
    done = project.manage(*COMMAND, *options).ok()
    return [*sources(project).values()][-1], done.stderr


CUSTOM = """\
class Custom(migrations.operations.base.Operation):
    reversible = True
    def state_forwards(self, app_label, state): pass
    def describe(self): return "Custom: it's"
    def database_backwards(self, app_label, editor, from_state, to_state):
        editor.execute("DROP TABLE custom")
    def database_forwards(self, app_label, editor, from_state, to_state):
        editor.execute("CREATE TABLE custom (a int)")
        BODY
"""

# Of a custom operation what it does besides, and what is said then.
CUSTOMS = [
    ("it leaves all to the editor", "pass", ""),
    ("it asks what there is", "editor.connection.introspection.get_sequences(editor.connection.cursor(), 'x')", ""),
    ("it saves a model", "to_state.apps.get_model('blog', 'Thing')().save()", '-- | INSERT INTO "blog_thing"'),
    ("it asks for rows", "list(to_state.apps.get_model('blog', 'Thing').objects.all())", '-- | SELECT "blog_thing".'),
    ("it has a cursor", "editor.connection.cursor().execute('COMMENT ON TABLE custom IS %s', [\"50%\"])",
     "-- | COMMENT ON TABLE custom IS '50%'"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code"), sampled(one[1:] for one in CUSTOMS), ids=[one[0] for one in CUSTOMS])
def test_of_an_operation_of_ones_own_the_sql_of_the_editor_is_taken_and_the_rest_is_told(
    project: Project, body: str, code: str
) -> None:
    add_one(project, "0001_initial", THING)
    add_one(project, "0002_custom", "Custom(),", after="0001_initial", before=CUSTOM.replace("BODY", body))
    text, said = imported(project)
    assert "-- Custom: it's\nCREATE TABLE custom (a int);\n" in text
    assert "-- migrate:down\n-- Undo: Custom: it's\nDROP TABLE custom;\n" in text
    assert ("0002_custom.py:19: this operation does not leave it to Django" in said) is bool(code)
    assert code in text


def test_what_django_cannot_undo_has_no_down_part_or_a_stop(project: Project) -> None:
    add_one(project, "0001_initial", THING)
    add_one(project, "0002_one_way", 'migrations.RunSQL("CREATE TABLE a ()"),', after="0001_initial")
    text, said = imported(project)
    assert "-- Irreversible, as it is for Django: Raw SQL operation (line 10).\n-- migrate:up\n" in text
    assert "migrate:down" not in text
    assert "to be looked at" not in said
    add_one(project, "0003_fails", 'migrations.RunSQL("SELECT 1", "DROP TABLE nobodys"),', after="0002_one_way")
    text, said = imported(project)
    assert '0003_fails.py:10: Django cannot undo this migration (ProgrammingError: table "nobodys" does not' in said
    assert "-- migrate:down\n-- Imported from blog/migrations/0003_fails.py:10: Django cannot" in text


def test_what_python_makes_is_a_difference_and_what_needs_it_is_told(project: Project) -> None:
    function = "def make(apps, editor):\n    editor.execute('CREATE TABLE made (id int)')\n"
    add_one(project, "0001_initial", "migrations.RunPython(make),", before=function)
    text, said = imported(project)
    assert "-- | In an empty database it sends:\n-- | CREATE TABLE made (id int)\nDO $import$" in text
    assert "1 difference between what Django makes and what the new files make:" in said
    assert "table public.made: made by Django, and not by the new files" in said
    (project.folder / "blog/sql_migrations/20000101000001_0001_initial.sql").unlink()
    add_one(project, "0002_more", 'migrations.RunSQL("ALTER TABLE made ADD x int"),', after="0001_initial")
    text, said = imported(project)
    assert 'was not compared with what Django makes: relation "made" does not exist.' in said
    assert "ALTER TABLE made ADD x int;" in text


@pytest.mark.slow
def test_what_is_there_already_is_left_and_its_place_in_the_chain_is_kept(project: Project) -> None:
    add_one(project, "0001_initial", THING)
    text, _ = imported(project)
    first = project.folder / "blog/sql_migrations/20000101000001_0001_initial.sql"
    first.write_text(f"-- mine\n{text}")
    add_one(
        project, "0002_b", 'migrations.AddField("thing", "b", models.IntegerField(null=True)),', after="0001_initial"
    )
    done = project.manage(*COMMAND, "--dry-run", "--json").ok()
    assert [(one["id"], one["new"]) for one in done.json["migrations"]] == [
        ("blog.20000101000001_0001_initial", False),
        ("blog.20000101000002_0002_b", True),
    ]
    assert [*sources(project)] == [first.name]
    text, said = imported(project)
    assert 'ALTER TABLE "blog_thing" ADD COLUMN "b" integer NULL;' in text
    assert (first.read_text()[:7], said) == ("-- mine", "")


@pytest.mark.slow
def test_what_was_imported_keeps_its_name_where_another_branch_comes_before_it(project: Project) -> None:
    field = 'migrations.AddField("thing", "{}", models.IntegerField(null=True)),'
    add_one(project, "0001_initial", THING)
    add_one(project, "0002_b", field.format("b"), after="0001_initial")
    add_one(project, "0003_c", field.format("c"), after="0002_b")
    imported(project)
    add_one(project, "0004_a", field.format("a"), after="0001_initial")
    merge = 'dependencies = [("blog", "0004_a"), ("blog", "0003_c")]\n'
    add(project, "merge", merge)
    _, said = imported(project)
    assert said == ""
    names = ["01_0001_initial", "02_0002_b", "03_0003_c", "04_0004_a", "07_merge"]
    assert [*sources(project)] == [f"200001010000{name}.sql" for name in names]
    project.add_settings(OFF)
    project.manage_several(("migrations_build",), ("migrations_verify", "--no-lint")).ok()


@pytest.mark.slow
def test_a_history_has_squashed_migrations_by_those_that_they_replace(project: Project) -> None:
    add_one(project, "0001_a", THING)
    add_one(project, "0002_b", 'migrations.AddField("thing", "b", models.IntegerField(null=True)),', after="0001_a")
    add_one(project, "0003_c", 'migrations.AddField("thing", "c", models.IntegerField(null=True)),', after="0002_b")
    project.manage("migrate", "blog", "0002").ok()
    add(
        project,
        "0001_squashed_0002_b",
        f'replaces = [("blog", "0001_a"), ("blog", "0002_b")]\noperations = [{THING}]\n',
    )
    project.sql(
        "UPDATE django_migrations SET applied = CASE name WHEN '0002_b' THEN timestamptz '2024-05-06Z'"
        " ELSE 'infinity' END; INSERT INTO django_migrations (app, name, applied) VALUES"
        " ('blog', '0000_gone', now()), ('auth', '0001_x', now())"
    )
    done = project.manage(*COMMAND, "--history", "--json").ok()
    assert (done.json["recorded"], done.json["unknown"]) == (
        ["blog.20000101000001_0001_squashed_0002_b"],
        ["0000_gone"],
    )
    assert project.sql("SELECT applied_at AT TIME ZONE 'UTC' = '2024-05-06' FROM medusa_migrations") == [(True,)]
    assert "Applied by django in the database 'default', and there is no file of: 0000_gone" in done.stderr


@pytest.mark.slow
def test_a_squashed_migration_of_what_was_imported_before_is_refused(project: Project) -> None:
    add_one(project, "0001_a", THING)
    imported(project)
    add(project, "0001_squashed", f'replaces = [("blog", "0001_a")]\noperations = [{THING}]\n')
    error = project.manage(*COMMAND).error()
    assert "blog.0001_squashed replaces 0001_a, which is imported already, as blog.20000101000001_0001_a" in error


@pytest.mark.slow
def test_other_apps_are_named_in_sql_where_that_is_there_and_told_what_to_name(project: Project) -> None:
    project.add_app("shop")
    project.add_app("base")
    project.write("base.20240101000000_base", "CREATE TABLE base (id int);", "DROP TABLE base;")
    add_one(project, "0001_initial", THING)
    reference = 'models.ForeignKey("blog.Thing", models.CASCADE)'
    body = (
        'dependencies = [("blog", "0001_initial"), ("base", "__first__")]\noperations = [\n'
        f'    migrations.CreateModel("Sale", [{KEY}, ("thing", {reference})]),\n'
        '    migrations.RunSQL("ALTER TABLE base ADD b int", "ALTER TABLE base DROP b"),\n]\n'
    )
    add(project, "0001_initial", body, app="shop")
    done = project.manage(*COMMAND).ok()
    assert "shop/migrations/0001_initial.py:9: it names blog.0001_initial, which Django will not find" in done.stderr
    assert 'or write ("blog", "__first__") here when MIGRATION_MODULES turns those off' in done.stderr
    done = project.manage("migrations_import", "django", "shop", "--app", "shop").ok()
    assert "difference" not in done.stderr
    text = (project.folder / "shop/sql_migrations/20000101000001_0001_initial.sql").read_text()
    depends = ["blog.20000101000001_0001_initial", "base.20240101000000_base"]
    assert "".join(f"-- migrate:depends {one}\n" for one in depends) + "-- migrate:up" in text
    project.add_settings('MIGRATION_MODULES = {"blog": None, "shop": None}')
    project.manage_several(("migrations_build",), ("migrations_verify", "--no-lint"), ("migrations_run",)).ok()
    assert project.tables() == {"base", "blog_thing", "shop_sale"}


@pytest.mark.slow
def test_what_was_imported_before_what_it_needs_is_told_what_to_name(project: Project) -> None:
    """Of apps that need each other in turn one is always imported first."""
    project.add_app("shop")
    add_one(project, "0001_initial", THING)
    sale = f'migrations.CreateModel("Sale", [{KEY}, ("thing", models.ForeignKey("blog.Thing", models.CASCADE))])'
    add(project, "0001_initial", f'dependencies = [("blog", "0001_initial")]\noperations = [{sale}]\n', app="shop")
    last = 'migrations.AddField("thing", "last", models.ForeignKey("shop.Sale", models.CASCADE, null=True))'
    needs = '[("blog", "0001_initial"), ("shop", "0001_initial")]'
    add(project, "0002_last", f"dependencies = {needs}\noperations = [{last}]\n")
    project.write("blog.20240101000000_note", "SELECT 1;", header="-- A note.\n-- migrate:depends shop\n")
    project.manage(*COMMAND).ok()
    told = project.manage("migrations_import", "django", "shop", "--app", "shop").ok().stderr
    second, id_ = "blog/sql_migrations/20000101000002_0002_last.sql", "shop.20000101000001_0001_initial"
    assert f"{second}:2: it depends on shop.0001_initial, of Django's migrations, which no build will find" in told
    assert "blog/sql_migrations/20240101000000_note.sql:2: it depends on shop, of Django's migrations" in told
    assert told.count(f"write {id_} then, which is the same in SQL.") == 2
    for path in (project.folder / "blog/sql_migrations").iterdir():
        path.write_text(re.sub("depends shop.*", f"depends {id_}", path.read_text()))
    project.add_settings('MIGRATION_MODULES = {"blog": None, "shop": None}')
    project.manage_several(("migrations_build",), ("migrations_verify", "--no-lint"), ("migrations_run",)).ok()
    assert project.tables() == {"blog_thing", "shop_sale"}


@pytest.mark.slow
def test_the_history_of_apps_that_need_each_other_is_read_where_all_are_turned_off(project: Project) -> None:
    apps = ("blog", "shop", "more")
    for app, before in zip(apps, (None, *apps), strict=False):
        project.add_app(app)
        dependencies = [(before, "0001_initial")] if before else []
        add(project, "0001_initial", f"dependencies = {dependencies!r}\noperations = [{THING}]\n", app=app)
    project.manage("migrate").ok()
    for app in apps:
        project.manage("migrations_import", "django", app, "--app", app).ok()
    project.add_settings(f"MIGRATION_MODULES = dict.fromkeys({apps!r})")
    project.manage("migrations_build").ok()
    for app in reversed(apps):
        project.manage("migrations_import", "django", app, "--app", app, "--history").ok()
    assert len(project.applied()) == 3
    assert "No migrations to apply." in project.manage("migrations_run").ok().stdout
    add(project, "0002_note", 'dependencies = [("more", "0001_initial")]\noperations = []\n', app="more")
    done = project.manage("migrations_import", "django", "more", "--app", "more").ok()
    assert "Imported 1 migration of django into 'more'" in done.stdout
    assert "difference" not in done.stderr


ODD = """
migrations.CreateModel("Odd", [
    ("id", models.AutoField(primary_key=True, db_column='Id')),
    ("name", models.CharField(max_length=9, unique=True, db_column="Größe")),
    ("more", models.ForeignKey("self", models.CASCADE, null=True, db_column="UP")),
], options={"db_table": 'Schön {}', "unique_together": {("name", "more")}}),
migrations.AlterField("odd", "id", models.BigAutoField(primary_key=True, db_column='Id')),
migrations.AlterField("odd", "name", models.TextField(unique=True, db_column="Größe")),
migrations.CreateModel("Long", [
    ("id", models.AutoField(primary_key=True)),
    ("other", models.ForeignKey("blog.Odd", models.CASCADE, db_column="y" * 63)),
], options={"db_table": "x" * 63}),
migrations.AlterField("long", "id", models.BigAutoField(primary_key=True)),
"""


@pytest.mark.slow
def test_odd_names_are_kept(project: Project) -> None:
    add_one(project, "0001_initial", ODD)
    project.manage("migrate").ok()
    _, said = imported(project)
    assert said == ""
    project.add_settings(OFF)
    project.manage_several(
        (*COMMAND, "--history"), ("migrations_build",), ("migrations_verify", "--live", "--no-lint")
    ).ok()


@pytest.mark.slow
def test_without_a_transaction_what_is_undone_is_looked_for_all_the_same(project: Project) -> None:
    """As in wagtail, whose migration is in no transaction for the sake of SQLite."""
    other = 'migrations.CreateModel("Other", [{}, ("thing", models.ForeignKey("blog.Thing", models.CASCADE))]),'
    add_one(project, "0001_initial", f"{THING}{other.format(KEY)}")
    path = add_one(project, "0002_new", 'migrations.RenameModel("Other", "New"),', after="0001_initial")
    path.write_text(path.read_text().replace("    operations", "    atomic = False\n    operations"))
    path = add_one(
        project,
        "0003_newer",
        'migrations.RenameModel("New", "Newer"), AddIndexConcurrently("newer", models.Index("thing", name="more")),',
        after="0002_new",
    )
    path.write_text(path.read_text().replace("    operations", "    atomic = False\n    operations"))
    text, said = imported(project)
    assert said == ""
    assert "SET CONSTRAINTS" not in text
    project.add_settings(OFF)
    verify = ("migrations_verify", "--no-lint", "--require-down")
    project.manage_several(("migrations_build",), ("migrations_run",), verify).ok()


@pytest.mark.slow
def test_an_extension_that_a_template_has_is_made_all_the_same(project: Project) -> None:
    """Where Django finds it, it sends nothing."""
    made = f"{project.database}_template"
    project.server.create_database(made)
    try:
        project.server.execute("CREATE EXTENSION citext", made)
        project.add_settings(f'DATABASES["default"]["TEST"] = {{"TEMPLATE": "{made}"}}')
        before = "from django.contrib.postgres.operations import *"
        add_one(project, "0001_initial", "CITextExtension(),", before=before)
        text, said = imported(project)
    finally:
        project.server.drop_database(made)
    assert 'CREATE EXTENSION IF NOT EXISTS "citext";\n-- migrate:down\n' in text
    assert text.endswith('DROP EXTENSION IF EXISTS "citext";\n')
    assert said == ""


def test_a_named_scratch_is_used_and_left_empty_and_without_the_right_to_make_one_that_is_said(
    project: Project,
) -> None:
    role, scratch = f"{project.database}_r", f"{project.database}_s"
    add_one(project, "0001_initial", THING)
    project.server.execute(f"CREATE ROLE {role} LOGIN")
    project.server.execute(f"CREATE DATABASE {scratch} OWNER {role} TEMPLATE template0")
    try:
        project.add_settings(f'DATABASES["default"]["USER"] = "{role}"')
        assert "--scratch" in project.manage(*COMMAND).error()
        assert sources(project) == {}
        text, said = imported(project, "--scratch", scratch)
        assert ('CREATE TABLE "blog_thing"' in text, said) == (True, "")
        assert project.server.execute("SELECT count(*) FROM pg_class WHERE relname ~ 'django|blog'", scratch) == [(0,)]
    finally:
        project.server.drop_database(scratch)
        project.server.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("number", sampled([signal.SIGTERM, signal.SIGINT, signal.SIGKILL]))
def test_a_signal_leaves_nothing_of_an_import(project: Project, number: signal.Signals) -> None:
    """But for a scratch database where nothing could be done: the next one drops it when the server is done with it."""
    mark = f"scratch of {project.database}"
    add_one(project, "0001_initial", f"migrations.RunSQL(\"SELECT pg_sleep(600) -- {mark}\", ''),")
    run = project.start(*COMMAND)
    there = f"(SELECT datname FROM pg_stat_activity WHERE query LIKE '%{mark}%' AND datname LIKE 'medusa_verify%')"
    project.wait_for(f"EXISTS {there}")
    name = project.sql(there[1:-1])[0][0]
    run.send_signal(number)
    _, stderr = run.communicate(timeout=30)
    assert run.returncode != 0
    if number is signal.SIGKILL:
        project.sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
    else:
        assert "Traceback" not in stderr
        assert f"Stopped by {number.name}. Nothing was imported. Run it again." in stderr
        assert project.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == [(0,)]
    assert sources(project) == {}
    add_one(project, "0001_initial", THING)
    imported(project)
    project.wait_for(f"NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')")


@pytest.mark.slow
def test_two_at_once_write_each_file_once(project: Project) -> None:
    add_one(project, "0001_initial", THING)
    runs = [project.start(*COMMAND), project.start(*COMMAND)]
    said = [(*run.communicate(timeout=60), run.returncode) for run in runs]
    assert 0 in [code for _, _, code in said], said
    assert "Traceback" not in str(said)
    assert len(sources(project)) == 1


REFUSED = [
    ("an app that is not there", ("bolg", "--app", "blog"), "", "label 'bolg'. Did you mean 'blog'?"),
    ("an app without migrations", ("blog", "--app", "blog"), "", "'blog' has no Django migrations: blog."),
    ("an app of a package", ("blog", "--app", "auth"), THING, "'auth' is installed from a package"),
    ("a syntax error", ("blog", "--app", "blog"), "(", "Django's migrations cannot be loaded: SyntaxError"),
    ("an operation that fails", ("blog", "--app", "blog"), 'migrations.RunSQL("SELECT x"),', "fails in the"),
    ("a role", ("blog", "--app", "blog"), 'migrations.RunSQL("CREATE ROLE x"),', "CREATE ROLE changes the whole"),
    ("a COMMIT", ("blog", "--app", "blog"), 'migrations.RunSQL("SELECT 1; COMMIT; BEGIN"),', "fails in the scratch"),
    ("no such scratch", ("blog", "--app", "blog", "--scratch", "nobodys"), THING, "There is no database 'nobodys'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "operations", "problem"), sampled(one[1:] for one in REFUSED), ids=[one[0] for one in REFUSED]
)
def test_is_refused_in_words(project: Project, arguments: tuple[str, ...], operations: str, problem: str) -> None:
    project.add_contrib("contenttypes", "auth")
    if operations:
        add_one(project, "0001_initial", operations)
    assert problem in project.manage("migrations_import", "django", *arguments).error()
    assert sources(project) == {}


@pytest.mark.slow
def test_a_scratch_database_is_for_django_alone(project: Project) -> None:
    error = project.manage("migrations_import", "dbmate", "theirs", "--app", "blog", "--scratch", "x").error()
    assert "--scratch is for django alone" in error
