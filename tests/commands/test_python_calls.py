"""Migrations in Python: what each call does in the catalog, and that it can be undone."""

from __future__ import annotations

import json

import pytest

from tests.support.projects import ROOT, Project
from tests.support.python_files import SETUP, write

# All that a migration may change, in words: what is there before an up is there after its down.
CATALOG = """
SELECT format('column %s.%s %s %s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE 'medusa_migrations%'
    AND c.relnamespace::regnamespace::text IN ('public', 'reporting')
UNION ALL
SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE conrelid <> 0 AND contype <> 'n' AND connamespace::regnamespace::text IN ('public', 'reporting')
    AND conrelid::regclass::text NOT LIKE 'medusa_migrations%'
UNION ALL
SELECT format('index %s', indexdef) FROM pg_indexes
WHERE schemaname IN ('public', 'reporting') AND tablename NOT LIKE 'medusa_migrations%'
UNION ALL
SELECT format('comment %s %s', oid::regclass, obj_description(oid, 'pg_class')) FROM pg_class
WHERE relnamespace::regnamespace::text IN ('public', 'reporting') AND relkind <> 'S'
    AND relname NOT LIKE 'medusa_migrations%'
UNION ALL
SELECT format('schema %s', nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
UNION ALL
SELECT format('view %s', pg_get_viewdef(oid)) FROM pg_class
WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
ORDER BY 1
"""


def catalog(project: Project) -> list[str]:
    return [line for (line,) in project.sql(CATALOG)]


# What each call does, and what the catalog has of it afterwards.
REVERSIBLE = {
    "create_table makes a table with its indexes and constraints": (
        """
schema.create_table(
    "tag",
    {
        "id": models.BigAutoField(primary_key=True),
        "slug": models.SlugField(unique=True),
        "rank": models.IntegerField(db_index=True),
    },
    constraints=[models.CheckConstraint(condition=Q(rank__gte=0), name="rank_is_not_negative")],
    indexes=[models.Index(fields=["slug", "-rank"])],
)
""",
        "constraint tag rank_is_not_negative CHECK ((rank >= 0))",
    ),
    "create_table makes a table without a primary key": (
        'schema.create_table("plain", {"objects": models.IntegerField(null=True), "id": models.TextField()})',
        "column plain.id text t",
    ),
    "create_table makes a table with a key of two columns": (
        'schema.create_table("pair", {"pk": models.CompositePrimaryKey("a", "b"), '
        '"a": models.IntegerField(), "b": models.UUIDField()})',
        "PRIMARY KEY (a, b)",
    ),
    "create_table makes a table in a schema": (
        'schema.create_table("reporting.hourly", {"id": models.AutoField(primary_key=True), '
        '"n": models.IntegerField(db_index=True)})',
        "column reporting.hourly.n integer t",
    ),
    "rename_table renames": ('schema.rename_table("post", "article")', "column article.title"),
    "rename_table renames in a schema": (
        'schema.rename_table("reporting.daily", "weekly")',
        "column reporting.weekly.day",
    ),
    "comment_table sets a comment": (
        """schema.comment_table("post", "What is written: 100 % of it's here", old="")""",
        "comment post What is written: 100 % of it's here",
    ),
    "add_column gives the rows that are there its default": (
        'schema.add_column("post", "slug", models.SlugField(default="none"))',
        "index CREATE INDEX post_slug_",
    ),
    "add_column in a schema": (
        'schema.add_column("reporting.daily", "x", models.IntegerField(db_default=3))',
        "reporting.daily.x integer t  3",
    ),
    "rename_column renames": (
        'schema.rename_column("post", "title", "heading")',
        "column post.heading character varying(200) t",
    ),
    "alter_column changes the type": (
        'schema.alter_column("post", "title", models.CharField(max_length=200), models.TextField())',
        "column post.title text t",
    ),
    "alter_column makes nullable": (
        'schema.alter_column("post", "title", models.CharField(max_length=200), '
        "models.CharField(max_length=200, null=True))",
        "column post.title character varying(200) f",
    ),
    "alter_column makes unique": (
        'schema.alter_column("post", "title", models.CharField(max_length=200), '
        "models.CharField(max_length=200, unique=True))",
        "UNIQUE (title)",
    ),
    "alter_column sets a comment": (
        'schema.alter_column("post", "title", models.CharField(max_length=200), '
        'models.CharField(max_length=200, db_comment="head"))',
        "column post.title character varying(200) t   head",
    ),
    "create_primary_key takes columns that are not null": (
        'schema.create_primary_key("post", ["id", "title"])',
        "constraint post post_id_title_",
    ),
    "create_primary_key takes a name": (
        'schema.create_primary_key("post", ["id"], name="mine")',
        "constraint post mine PRIMARY KEY (id)",
    ),
    "create_foreign_key is named and deferred as in Django": (
        'schema.create_foreign_key("post", "author_id", "author")',
        "_fk_author_id FOREIGN KEY (author_id) REFERENCES author(id) DEFERRABLE INITIALLY DEFERRED",
    ),
    "create_foreign_key takes an action and is not deferrable if told so": (
        'schema.create_foreign_key("post", "author_id", "author", on_delete="set null", deferrable=None, name="fk")',
        "constraint post fk FOREIGN KEY (author_id) REFERENCES author(id) ON DELETE SET NULL",
    ),
    "create_index is named as in Django": (
        'schema.create_index("post", models.Index(fields=["title", "-id"]))',
        "_idx ON public.post USING btree (title, id DESC)",
    ),
    "create_index takes an expression and a condition": (
        'schema.create_index("post", models.Index(Lower("title"), condition=Q(price__gt=3, '
        'title__startswith="a%"), name="low"))',
        "INDEX low ON public.post USING btree (lower((title)::text)) WHERE ((price > (3)::numeric)",
    ),
    "create_index takes other methods": (
        'schema.create_index("post", GinIndex(fields=["tags"], name="by_tag"))',
        "INDEX by_tag ON public.post USING gin (tags)",
    ),
    "create_index in a schema": (
        'schema.create_index("reporting.daily", models.Index(fields=["day"], name="by_day"))',
        "INDEX by_day ON reporting.daily",
    ),
    "create_unique_constraint is named as in Django": (
        'schema.create_unique_constraint("post", ["title", "author_id"])',
        "_uniq UNIQUE (title, author_id)",
    ),
    "create_unique_constraint takes a condition, and is an index then": (
        'schema.create_unique_constraint("post", ["title"], name="once", condition=Q(price__isnull=False))',
        "UNIQUE INDEX once ON public.post USING btree (title) WHERE (price IS NOT NULL)",
    ),
    "create_unique_constraint may be deferred": (
        'schema.create_unique_constraint("post", ["id"], name="once", deferrable=models.Deferrable.DEFERRED)',
        "once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED",
    ),
    "create_check_constraint takes a Q": (
        'schema.create_check_constraint("post", Q(price__lt=F("id") * 100), name="cheap")',
        "constraint post cheap CHECK",
    ),
    "create_check_constraint takes SQL": (
        """schema.create_check_constraint("post", "title NOT LIKE '%x%%'", name="no_x")""",
        "CHECK (((title)::text !~~ '%x%%'::text))",
    ),
    "create_exclusion_constraint takes one of Django's": (
        'schema.create_exclusion_constraint("post", ExclusionConstraint(name="no_overlap", '
        'expressions=[("during", "&&")]))',
        "constraint post no_overlap EXCLUDE USING gist (during WITH &&)",
    ),
    "create_view makes a view": (
        'schema.create_view("titles", "SELECT title FROM post;")',
        "column titles.title character varying(200)",
    ),
    "create_schema makes a schema": ('schema.create_schema("archive")', "schema archive"),
    "create_schema takes a point for a part of the name": ('schema.create_schema("a.b")', "schema a.b"),
    "query with reverse_sql runs that": (
        'schema.query("ALTER TABLE post ADD n int", reverse_sql="ALTER TABLE post DROP n")',
        "column post.n integer",
    ),
    "transaction holds calls together": (
        """
with schema.transaction():
    schema.rename_column("post", "title", "a")
    schema.rename_column("post", "a", "b")
""",
        "column post.b",
    ),
}

# Each migration is an app's of its own: made, looked at, undone, looked at.
EACH_APP = """
import json, os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
from django.db import connection
from medusa_migrations import api
def catalog():
    with connection.cursor() as cursor:
        cursor.execute(sys.argv[1])
        return [line for (line,) in cursor.fetchall()]
api.build()
found, before = {}, catalog()
for label in sys.argv[2:]:
    api.run(label)
    during = catalog()
    api.revert(label)
    after = catalog()
    found[label], before = [before, during, after], after
print(json.dumps(found))
"""


@pytest.mark.smoke
@pytest.mark.server
@pytest.mark.parametrize("transaction", ["", "transaction = False"], ids=["in a transaction", "without one"])
def test_every_reversible_call_can_be_made_and_undone(project: Project, transaction: str) -> None:
    project.sql(SETUP)
    labels = {f"app{number}": title for number, title in enumerate(REVERSIBLE)}
    for label, title in labels.items():
        write(project, REVERSIBLE[title][0], head=transaction, id_=f"{label}.20240101000001_step")
    (project.folder / "each.py").write_text(EACH_APP)
    found = json.loads(project.manage(CATALOG, *labels, script="each.py").ok().stdout)
    for label, title in labels.items():
        before, during, after = found[label]
        assert REVERSIBLE[title][1] in "\n".join(during), (title, set(during) - set(before))
        assert after == before, title


AUTHORS_AND_POSTS = """
schema.create_table(
    "blog_author", {"id": models.BigAutoField(primary_key=True), "name": models.CharField(max_length=100)}
)
schema.create_table(
    "blog_post",
    {
        "id": models.BigAutoField(primary_key=True),
        "title": models.CharField(max_length=200),
        "body": models.TextField(),
        "author_id": models.BigIntegerField(db_index=True),
    },
)
schema.create_foreign_key("blog_post", "author_id", "blog_author")
"""


@pytest.mark.smoke
@pytest.mark.server
def test_authors_and_posts_are_the_same_as_those_made_by_sql(project: Project) -> None:
    example = ROOT / "project/blog/sql_migrations/20230801075818_add_authors_and_posts.sql"
    (project.add_app("blog") / example.name).write_text(example.read_text())
    project.run().ok()
    by_sql = catalog(project)
    project.manage("migrations_revert").ok()
    (project.folder / "blog/sql_migrations" / example.name).unlink()
    write(project, AUTHORS_AND_POSTS)
    project.run().ok()
    assert catalog(project) == by_sql
    assert len(by_sql) > 10


@pytest.mark.smoke
@pytest.mark.server
def test_query_stream_and_copy_from_and_what_can_be_looked_at(project: Project) -> None:
    project.sql("CREATE SCHEMA s; CREATE TABLE s.u (n int)")
    write(
        project,
        """
schema.query("CREATE TABLE t (id int PRIMARY KEY, s text, d jsonb, b bytea, t timestamptz, i interval)")
schema.query("ALTER TABLE t ADD f boolean, ADD u uuid, ADD x numeric(8,2)")
import json, uuid
from datetime import datetime, timedelta, UTC
from decimal import Decimal
row = (
    1, "a\\\\t\\\\n\\\\\\\\ é", {"k": ["\\\\"]}, b"\\\\x00\\\\\\\\",
    datetime(2024, 1, 2, tzinfo=UTC), timedelta(days=1, microseconds=5), True, uuid.UUID(int=7), Decimal("1.50"),
)
columns = ["id", "s", "d", "b", "t", "i", "f", "u", "x"]
assert schema.copy_from("t", iter([row]), columns) == 1
found = schema.query("SELECT id, s, d::text, b, t, i, f, u, x FROM t")[0]
assert found[:2] == row[:2] and bytes(found[3]) == row[3] and found[4:] == row[4:], found
assert json.loads(found[2]) == row[2], found[2]
assert schema.copy_from("t", [[n] + [None] * 8 for n in range(2, 5001)]) == 4999
assert schema.query("SELECT count(*) FROM t WHERE s IS NULL AND s IS NULL OR s LIKE 'x%'") == [(4999,)]
assert schema.query("SELECT %s::int + %s", [1, 2]) == [(3,)]
assert schema.query("SELECT %(a)s::int * %(a)s", {"a": 3}) == [(9,)]
assert schema.query("SELECT 1; SELECT 2") == [(2,)]
assert schema.query("UPDATE t SET f = true WHERE id = 1") == []
count = 0
for (number,) in schema.stream("SELECT id FROM t WHERE id <= %s ORDER BY id", [4500]):
    count += 1
    if number % 1000 == 0:
        schema.query("UPDATE t SET s = 'seen' WHERE id = %s", [number])
assert count == 4500
assert schema.query("SELECT count(*) FROM t WHERE s = 'seen'") == [(4,)]
assert schema.has_table("t") and not schema.has_table("v") and schema.has_table("s.u")
schema.create_view("v", "SELECT 1 AS one")
assert schema.has_view("v") and not schema.has_view("t") and not schema.has_table("v")
assert schema.has_column("t", "s") and not schema.has_column("t", "nope") and not schema.has_column("nope", "s")
assert schema.has_schema("s") and not schema.has_schema("nope")
assert schema.tables() == ["medusa_migrations", "medusa_migrations_log", "t"] and schema.tables("s") == ["u"]
table = schema.table("t")
assert table.primary_key == ("id",) and table.columns[1].type == "text" and table.columns[1].null
assert list(table.constraints) == list(table.indexes) == ["t_pkey"]
try:
    schema.table("nope")
except LookupError:
    pass
else:
    raise AssertionError
try:
    with schema.transaction():
        schema.query("INSERT INTO t (id) VALUES (9000)")
        schema.query("INSERT INTO t (id) VALUES (1)")
except IntegrityError:
    pass
assert schema.query("SELECT count(*) FROM t WHERE id = 9000") == [(0,)]
try:
    schema.copy_from("t", ([n] for (n,) in schema.stream("SELECT 1")), ["id"])
except ValueError as error:
    assert "copy_from is under way" in str(error)
else:
    raise AssertionError
""",
        "",
        head="from django.db import IntegrityError\ntransaction = False",
    )
    project.run().ok()


def test_another_database_may_be_read_by_django(project: Project) -> None:
    write(
        project,
        """
from django.db import connections
with connections["other"].cursor() as cursor:
    cursor.execute("SELECT 41 + 1")
    schema.query("CREATE TABLE t AS SELECT %s AS a", cursor.fetchone())
""",
        "",
    )
    project.add_settings('DATABASES["other"] = DATABASES["default"]')
    project.run().ok()
    assert project.sql("SELECT a FROM t") == [(42,)]


def test_what_else_works(project: Project) -> None:
    project.sql(f"{SETUP}; CREATE ROLE a_writer_{project.database}; GRANT ALL ON post TO a_writer_{project.database}")
    write(
        project,
        f"""
schema.query("-- nothing")
schema.drop_column("nope", "a", if_exists=True)
schema.drop_check_constraint("nope", "a", if_exists=True)
schema.drop_index("post", "nope", if_exists=True)
schema.drop_unique_constraint("post", "nope", if_exists=True)
schema.drop_primary_key("post", if_exists=True)
schema.add_column("post", "twice", models.GeneratedField(
    expression=F("id") * 2, output_field=models.BigIntegerField(), db_persist=True))
schema.create_check_constraint("post", Q(tags__contains=["a"]) | Q(tags=None), name="tagged")
schema.create_check_constraint("post", Q(during__isempty=False) | Q(during=None), name="some_time")
schema.create_primary_key("post", ["id"])
class Kind(int, Enum):
    A = 7
schema.copy_from("post", [[Kind.A, "Seven", 1]], ["id", "title", "author_id"])
assert schema.query("SELECT title FROM post WHERE id = 7") == [("Seven",)]
schema.query("SET ROLE a_writer_{project.database}")
assert schema.backfill("post", set={{"tags": ["a", "b"]}}, where=Q(tags=None)) == 3
assert schema.backfill("post", set={{"title": "x"}}, where=Q(id__in=[])) == 0
""",
        "",
        head="from enum import Enum\nfrom django.db import transaction\ntransaction = False",
    )
    project.run().ok()
    assert project.sql("SELECT DISTINCT tags, twice FROM post WHERE id = 7") == [(["a", "b"], 14)]
    checks = project.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname IN ('tagged', 'some_time')")
    assert sorted(checks) == [
        ("CHECK (((NOT isempty(during)) OR (during IS NULL)))",),
        ("CHECK (((tags @> ARRAY['a'::text]) OR (tags IS NULL)))",),
    ]
    project.sql(f"DROP OWNED BY a_writer_{project.database}; DROP ROLE a_writer_{project.database}")
