"""The safe ways as text; tests/lint runs them."""

from __future__ import annotations

from medusa_migrations.lint.facts import Column, ColumnChange, Constraint, Facts, Index, TableFacts
from medusa_migrations.lint.instead.indexes import index_build
from medusa_migrations.lint.instead.pieces import in_part, in_place_of_value, made_name
from medusa_migrations.lint.instead.release import drop_column, insert_breaks
from medusa_migrations.lint.instead.rewrites import rewrite
from medusa_migrations.lint.instead.scans import scan
from medusa_migrations.migration import Direction

POST = TableFacts("post", taken="AccessExclusiveLock", is_read=True)


def test_not_null() -> None:
    table = POST._replace(changes=(ColumnChange("set not null", "slug", Column("slug", "text", is_not_null=True)),))
    sql = "ALTER TABLE post ALTER slug SET NOT NULL"
    assert scan(table, Facts(0, (table,)), sql).splitlines() == [
        "-- migrate:up transaction:false",
        "ALTER TABLE post ADD CONSTRAINT post_slug_is_set CHECK (slug IS NOT NULL) NOT VALID;",
        "ALTER TABLE post VALIDATE CONSTRAINT post_slug_is_set;",
        "ALTER TABLE post ALTER COLUMN slug SET NOT NULL;",
        "ALTER TABLE post DROP CONSTRAINT post_slug_is_set;",
    ]


def test_unique_deferrable() -> None:
    unique = Constraint("u", "u", "UNIQUE (slug) DEFERRABLE INITIALLY DEFERRED")
    index = Index("u", "CREATE UNIQUE INDEX u ON public.post USING btree (slug)")
    table = POST._replace(constraints=(unique,), indexes=(index,))
    assert index_build(table, Facts(0, (table,)), "").splitlines() == [
        "-- migrate:up transaction:false",
        "CREATE UNIQUE INDEX CONCURRENTLY u ON post USING btree (slug);",
        "ALTER TABLE post ADD CONSTRAINT u UNIQUE USING INDEX u DEFERRABLE INITIALLY DEFERRED;",
    ]


def test_a_foreign_key_of_a_partitioned_table_has_no_way_before_18() -> None:
    key = Constraint("fk", "f", "FOREIGN KEY (a) REFERENCES author(id)", "author")
    root = TableFacts("part", "partitioned", constraints=(key,))
    table = TableFacts("part_1", root="part", constraints=(key,))
    sql = "ALTER TABLE part ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES author"
    assert scan(table, Facts(0, (root, table), 18), sql).splitlines() == [
        "-- migrate:up transaction:false",
        "ALTER TABLE part ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES author(id) NOT VALID;",
        "ALTER TABLE part VALIDATE CONSTRAINT fk;",
    ]
    assert "before PostgreSQL 18" in scan(table, Facts(0, (root, table), 17), sql)


def test_a_type_that_keeps_not_null() -> None:
    table = POST._replace(changes=(ColumnChange("retyped", "views", Column("views", "bigint", is_not_null=True)),))
    text = rewrite(table, Facts(0, (table,)), "ALTER TABLE post ALTER views TYPE bigint")
    assert 'schema.backfill("post", set="views_new = views::bigint", where="views_new IS NULL' in text
    assert text.index("ALTER COLUMN views_new SET NOT NULL") < text.index("ALTER COLUMN views DROP NOT NULL")
    assert text.index("ALTER COLUMN views DROP NOT NULL") < text.index("RENAME COLUMN views_new TO views")
    assert text.endswith("-- migrate:up\nALTER TABLE post DROP COLUMN views_old;")


def test_insert_breaks_gives_back_what_was_taken() -> None:
    column = Column("rank", "bigint", is_not_null=True)
    assert "SET NOT NULL" in insert_breaks(POST, column)
    assert insert_breaks(POST, column._replace(is_filled=True)).endswith(
        "-- migrate:up\nALTER TABLE post ALTER COLUMN rank DROP DEFAULT;"
    )


def test_a_required_column_that_is_dropped_stops_being_required_first() -> None:
    text = drop_column(POST, Column("state", "text", is_not_null=True))
    assert text.index("DROP NOT NULL") < text.index("When no code") < text.index("DROP COLUMN state")


def test_what_is_for_when_the_new_code_is_live_has_its_phase() -> None:
    text = drop_column(POST, Column("state", "text"))
    header = "-- In a migration of its own, for when no code that runs names it any more:\n"
    drop = "ALTER TABLE post DROP COLUMN state;"
    assert text == f"{header}-- migrate:phase after\n-- migrate:up\n{drop}"
    assert in_part(text, Direction.UP) == text
    assert in_part(text, Direction.DOWN) == f"{header}-- migrate:down\n{drop}"


def test_names() -> None:
    assert made_name("post", "slug", "is_set") == "post_slug_is_set"
    assert made_name('"My Shop"."Order"', "total", "is_set") == '"Order_total_is_set"'
    assert len(made_name("p" * 60, "é" * 20, "is_set").strip('"').encode()) <= 63


def test_the_check_of_a_domain_as_one_of_a_column() -> None:
    check = """CHECK ((VALUE >= 0) AND (VALUE <> 'VALUE'::text) AND ("VALUE"() > VALUE))"""
    assert in_place_of_value(check, "n") == """CHECK ((n >= 0) AND (n <> 'VALUE'::text) AND ("VALUE"() > n))"""
