"""A role with CREATE on a schema of search_path became superuser when a superuser ran `migrations_show`, by an operator
that fits the types of our queries better than PostgreSQL's own (CVE-2018-1058): found by an attack."""

from __future__ import annotations

import pytest

from tests.support.generated import BOOK, FIRST, generate
from tests.support.projects import Project

# For each operator and pair of types a function that fails. What PostgreSQL itself has for a pair is found before it.
PLANT = """
CREATE FUNCTION pg_temp.plant() RETURNS void LANGUAGE plpgsql AS $plant$
DECLARE
    types text[] := ARRAY['oid', 'regclass', 'regnamespace', 'regtype', 'int2', 'int4', 'int8', 'numeric', 'name',
        'text', 'varchar', '"char"', 'timestamptz', 'interval', 'bool', 'jsonb', 'uuid', 'oid[]', 'text[]',
        'name[]', 'int2[]'];
    operators text[] := ARRAY['=', '<>', '<', '>', '<=', '>=', '||', '-', '*', '~~', '!~~', '->>', '@>'];
    l text; r text; o text;
BEGIN
    FOREACH l IN ARRAY types LOOP FOREACH r IN ARRAY types LOOP
        EXECUTE format('CREATE FUNCTION public.planted(%s, %s) RETURNS bool LANGUAGE plpgsql AS %L', l, r,
            format('BEGIN RAISE EXCEPTION %L; END', format('planted for %s and %s', l, r)));
        FOREACH o IN ARRAY operators LOOP
            EXECUTE format('CREATE OPERATOR %s (FUNCTION = public.planted, LEFTARG = %s, RIGHTARG = %s)', o, l, r);
        END LOOP;
    END LOOP; END LOOP;
    FOREACH o IN ARRAY ARRAY['to_regclass', 'quote_ident', 'format_type', 'obj_description', 'pg_get_expr', 'unnest',
        'format', 'starts_with', 'current_setting', 'set_config', 'pg_get_constraintdef', 'pg_describe_object', 'max']
    LOOP
        FOREACH l IN ARRAY ARRAY['text', 'name', 'varchar', 'regclass', 'oid', 'oid, int4', 'oid, text', 'text, text',
            'name, text', 'text, text, bool', 'oid, oid, int4', 'int2vector', 'int2[]', 'int8']
        LOOP
            EXECUTE format('CREATE FUNCTION public.%s(%s) RETURNS text LANGUAGE plpgsql AS %L', o, l,
                format('BEGIN RAISE EXCEPTION %L; END', 'planted ' || o));
        END LOOP;
    END LOOP;
END $plant$;
SELECT pg_temp.plant();
"""

FILL = """
from django.db import models
transaction = False

def up(schema):
    assert schema.has_column("posts", "slug") and not schema.has_view("posts")
    assert schema.table("posts").primary_key and "posts" in schema.tables() and schema.tables("public")
    schema.create_table("made", {"id": models.BigAutoField(primary_key=True)}, if_not_exists=True)
    schema.create_index("made", models.Index(fields=["id"], name="made_id"))
    schema.backfill("posts", set="done = true", where="NOT done", batch=3)

def down(schema):
    schema.drop_index("made", "made_id")
    schema.drop_primary_key("made")
    schema.drop_table("made")
"""
INDEX, FILLED = "blog.20240101000002_index", "blog.20240101000003_fill"


def counted(project: Project, rows: str) -> int:
    return project.sql(f"SET search_path = pg_catalog; SELECT count(*) FROM public.{rows}")[0][0]


@pytest.mark.smoke
def test_nothing_that_is_planted_is_called(project: Project) -> None:
    project.add_models("blog", BOOK)
    generate(project, "--timestamp", FIRST).ok()
    project.sql("CREATE TABLE posts (slug varchar(10), n int, done bool, PRIMARY KEY (slug, n))")
    project.sql("INSERT INTO posts SELECT 'a', generate_series(1, 20), false")
    project.sql(PLANT)
    project.write(
        INDEX,
        "CREATE TABLE ix AS VALUES (1), (1);\nCREATE UNIQUE INDEX CONCURRENTLY ix_key ON ix (column1);",
        "DROP INDEX CONCURRENTLY ix_key;\nDROP TABLE ix;",
        option=" transaction:false",
    )
    (project.folder / "blog/sql_migrations/20240101000003_fill.py").write_text(FILL)
    assert "could not create unique index" in project.run().error()
    project.sql("DELETE FROM ix WHERE ctid OPERATOR(pg_catalog.=) '(0,1)'::tid")
    assert "Dropping the index public.ix_key" in project.run("--lock-wait", "1").ok().stderr
    assert counted(project, "posts WHERE done") == 20
    assert f"[X] {FILLED}" in project.manage("migrations_show").ok().stdout
    assert "No changes" in generate(project, "--check").ok().stdout
    project.add_models("blog", BOOK.replace("title", "name"))
    assert "RENAME" in generate(project, "--rename", "blog_book.title=name", "--dry-run").ok().stdout
    project.manage("migrations_revert").ok()
    project.manage("migrations_repair", "--mark-reverted", INDEX).ok()
    project.manage("migrations_revert", "--all", "--transaction", "none").ok()
    assert counted(project, "medusa_migrations") == 0
    project.sql("DROP TABLE medusa_migrations")
    project.run("--to", f"blog.{FIRST}_create_blog_book", "--transaction", "all").ok()
