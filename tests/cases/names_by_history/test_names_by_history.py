"""The names that Django and PostgreSQL make up depend on how a table came about, so that a file of one database could
not run in another. Found on a real project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.copies import copied, original
from tests.support.drafts import Bench, models_of
from tests.support.generated import files, generate
from tests.support.projects import Project, Server

pytestmark = pytest.mark.xdist_group("names")

MODELS = (
    "class Author(models.Model):\n    n = models.PositiveIntegerField()\n"
    "class Book(models.Model):\n    author = models.ForeignKey(Author, models.CASCADE)\n"
    "    slug = models.SlugField(unique=True)\n    a = models.IntegerField(db_index=True)\n"
    "    b = models.IntegerField(db_index=True)\n    c = models.IntegerField(unique=True)\n"
    "    d = models.IntegerField(unique=True)\n"
    "    class Meta:\n        indexes = [models.Index(fields=['a', 'b'], name='by_hand')]\n"
)
NAMES = """
SELECT conname::text FROM pg_constraint WHERE conrelid::regclass::text ~ '^"?blog_' AND contype <> 'n'
UNION SELECT relname::text FROM pg_class WHERE relname ~ 'blog|odd' AND relkind IN ('i', 'S')
"""


@pytest.fixture(scope="module")
def first_shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with original(server, tmp_path_factory.mktemp("names"), "names") as project:
        project.add_models("blog", MODELS)
        generate(project, "--timestamp", "20240101000000").ok()
        project.run().ok()
        project.sql("INSERT INTO blog_author (n) VALUES (1); SELECT 1")
        yield project


@pytest.fixture
def shop(first_shop: Project, project: Project) -> Project:
    return copied(first_shop, project)


def names(project: Project) -> set[str]:
    return {name for (name,) in project.sql(NAMES)}


def rename(project: Project, *statements: str) -> None:
    project.sql("".join(f"ALTER {statement}; " for statement in statements) + "SELECT 1")


def made(project: Project) -> Path:
    return files(project)[-1]


def one(project: Project, pattern: str) -> str:
    (found,) = [name for name in names(project) if re.fullmatch(pattern, name)]
    return found


ODD = (
    'TABLE blog_author RENAME CONSTRAINT blog_author_pkey TO "Odd ""key"" of \\ ü $1"',
    "TABLE blog_author RENAME CONSTRAINT blog_author_n_check TO odd_check",
    "TABLE blog_book RENAME CONSTRAINT blog_book_slug_key TO odd_uniq",
    "SEQUENCE blog_author_id_seq RENAME TO odd_seq",
)


class TestNames:
    def test_how_many_are_other_is_no_error(self, shop: Project) -> None:
        rename(shop, *ODD, f"INDEX {one(shop, 'blog_book_a_.*')} RENAME TO {'odd_' + 'x' * 59}")
        outcome = generate(shop, "--check").ok()
        assert outcome.stdout == (
            "3 constraints, 1 index and 1 sequence have other names than the models would give: --rename-constraints "
            "writes a file that makes them equal.\nNo changes detected\n"
        )
        assert outcome.stderr == ""
        assert generate(shop, "--check", "--verbosity", "0").ok().stdout == ""
        assert generate(shop, "--json").ok().json["changes"] == []

    def test_a_file_makes_them_equal_and_back(self, shop: Project) -> None:
        wanted = names(shop)
        fk = one(shop, "blog_book_author_id_.*_fk_.*")
        rename(
            shop,
            *ODD,
            f"TABLE blog_book RENAME CONSTRAINT {fk} TO {'odd_fk_' + 'x' * 56}",
            f"INDEX {one(shop, 'blog_book_slug_.*_like')} RENAME TO odd_like",
        )
        odd = names(shop)
        outcome = generate(shop, "--rename-constraints").ok()
        assert "rename blog_author.odd_check=blog_author_n_check" in outcome.stdout
        assert made(shop).stem.endswith("_rename_constraints")
        assert f'RENAME CONSTRAINT "odd_fk_{"x" * 56}" TO "{fk}"' in made(shop).read_text()
        shop.run().ok()
        assert names(shop) == wanted
        assert generate(shop, "--check").ok().stdout == "No changes detected\n"
        assert generate(shop, "--rename-constraints").ok().stdout == "No changes detected\n"
        shop.manage("migrations_revert").ok()
        assert names(shop) == odd
        shop.run().ok()
        shop.sql("INSERT INTO blog_author (n) VALUES (2); SELECT 1")

    def test_a_database_that_has_the_names_runs_it_as_well(self, shop: Project) -> None:
        wanted = names(shop)
        rename(shop, *ODD)
        generate(shop, "--rename-constraints").ok()
        shop.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT 1")
        shop.run().ok()
        assert names(shop) == wanted

    def test_the_proof_lets_it_pass_where_the_migrations_make_other_names(self, shop: Project) -> None:
        rename(shop, *ODD[:3])
        generate(shop, "--rename-constraints").ok()
        assert "left behind" in shop.manage("migrations_verify").stdout
        text = made(shop).read_text()
        allowed = "".join(
            f"-- migrate:allow drift constraint public.blog_{one}.*: names\n" for one in ("author", "book")
        )
        made(shop).write_text(text.replace("\n\n", f"\n{allowed}\n", 1))
        shop.manage("migrations_verify").ok()

    @pytest.mark.parametrize(
        ("circle", "kind"),
        [
            (("blog_book_c_key", "blog_book_d_key"), "TABLE blog_book RENAME CONSTRAINT {} TO {}"),
            (("blog_author_id_seq", "blog_book_id_seq"), "SEQUENCE {} RENAME TO {}"),
        ],
    )
    def test_names_in_a_circle(self, shop: Project, circle: tuple[str, str], kind: str) -> None:
        first, second = circle
        swap = [kind.format(*pair) for pair in ((first, "odd"), (second, first), ("odd", second))]
        if kind.startswith("SEQUENCE"):
            swap = [f"SEQUENCE {text.partition(' ')[2]}" for text in swap]
        rename(shop, *swap)
        generate(shop, "--rename-constraints").ok()
        before = self.places(shop)
        shop.run().ok()
        after = self.places(shop)
        assert after != before
        assert "No changes detected" in generate(shop, "--check").ok().stdout
        assert "other names" not in generate(shop, "--check").ok().stdout
        shop.manage("migrations_revert").ok()
        assert self.places(shop) == before
        shop.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT 1")
        shop.run().ok()
        assert self.places(shop) == after

    def places(self, shop: Project) -> list[tuple[str, ...]]:
        """Which name is on what."""
        return shop.sql(
            "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'u'"
            " UNION SELECT objid::regclass::text, refobjid::regclass::text FROM pg_depend WHERE deptype = 'i'"
            " AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass"
            " AND (SELECT relkind FROM pg_class WHERE oid = objid) = 'S' ORDER BY 1"
        )

    def test_names_that_move_on(self, shop: Project) -> None:
        rename(
            shop,
            "TABLE blog_book RENAME CONSTRAINT blog_book_d_key TO odd",
            "TABLE blog_book RENAME CONSTRAINT blog_book_c_key TO blog_book_d_key",
        )
        generate(shop, "--rename-constraints").ok()
        shop.run().ok()
        assert generate(shop, "--check").ok().stdout == "No changes detected\n"
        shop.manage("migrations_revert").ok()
        shop.run().ok()

    @pytest.mark.parametrize(
        "taker",
        [
            "CREATE TABLE blog_author_pkey ()",
            "CREATE TABLE other (id int CONSTRAINT blog_author_pkey PRIMARY KEY)",
            "CREATE VIEW blog_author_pkey AS SELECT 1",
        ],
    )
    def test_a_name_that_something_else_has(self, shop: Project, taker: str) -> None:
        rename(shop, ODD[0])
        shop.sql(f"{taker}; SELECT 1")
        message = generate(shop, "--rename-constraints").error()
        assert "The database has something else of these names" in message
        assert 'blog_author.Odd "key" of \\ ü $1=blog_author_pkey' in message
        assert len(files(shop)) == 1

    def test_what_is_kept_keeps_its_name(self, shop: Project) -> None:
        rename(shop, *ODD)
        shop.write("blog.20240101000001_keep", "SELECT 1;", header="-- migrate:keep blog_author.*\n")
        shop.run().ok()
        assert "1 constraint has another name than the models would" in generate(shop, "--check").ok().stdout

    @pytest.mark.parametrize("option", [("--online",), ("--drop-tables",), ("--rename", "a=b")], ids=" ".join)
    def test_nothing_else_goes_with_it(self, shop: Project, option: tuple[str, ...]) -> None:
        message = generate(shop, "--rename-constraints", *option).error()
        assert f"--rename-constraints writes a file of names alone: generate with {option[0]} before it." in message

    def test_several_apps(self, shop: Project) -> None:
        shop.add_app("writers")
        shop.add_models("writers", "class Writer(models.Model):\n    pass\n")
        generate(shop, app="writers").ok()
        shop.run().ok()
        rename(shop, *ODD, "TABLE writers_writer RENAME CONSTRAINT writers_writer_pkey TO other")
        outcome = shop.manage("makemigration", "blog", "writers", "--generate", "--rename-constraints").ok()
        assert outcome.stdout.count("Created ") == 2
        shop.run().ok()
        both = shop.manage("makemigration", "blog", "writers", "--generate", "--check").ok()
        assert both.stdout == "No changes detected\n"

    def test_a_name_that_an_author_gave_is_a_change(self, shop: Project) -> None:
        rename(shop, "INDEX by_hand RENAME TO other")
        outcome = generate(shop).ok()
        assert "rename blog_book.by_hand" in outcome.stdout
        assert "other name" not in outcome.stdout


MANY = models_of(
    A={"n": models.PositiveIntegerField(), "u": models.IntegerField(unique=True), "s": models.SlugField()},
    B={"a": models.ForeignKey("blog.A", models.CASCADE), "b": models.OneToOneField("blog.A", models.CASCADE)},
)
PLACES = """
SELECT conrelid::regclass::text, contype::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL SELECT i.indrelid::regclass::text, 'i', c.relname::text, i.indkey::text FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisunique
UNION ALL SELECT d.refobjid::regclass::text, 's', c.relname::text, '' FROM pg_depend d
JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' WHERE d.deptype = 'i' AND c.relnamespace = 'public'::regnamespace
ORDER BY 1, 2, 4, 3
"""


@pytest.mark.server
@settings(max_examples=int(os.environ.get("EXAMPLES", "10")), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_names_that_change_places_in_any_way(database: Bench, data: st.DataObject) -> None:
    """And some are others; up gives each its own, down the very ones that were there."""
    database.reset()
    database.become(MANY)
    wanted = database.session.query(PLACES)
    order = data.draw(st.permutations(range(len(wanted))))
    odd = data.draw(st.sets(st.integers(0, len(wanted) - 1)))
    new = [f"odd_{at}" if at in odd else wanted[at][2] for at in order]
    for names in ([f"meanwhile_{at}" for at in order], new):
        for (table, kind, old, _), name in zip(database.session.query(PLACES), names, strict=True):
            what = {"i": "INDEX", "s": "SEQUENCE"}.get(kind, f"TABLE {table} RENAME CONSTRAINT")
            rename = f'"{old}" TO' if what.startswith("TABLE") else f'"{old}" RENAME TO'
            database.session.execute(f'ALTER {what} {rename} "{name}"')
    were = database.session.query(PLACES)
    draft = database.draft(MANY, rename_constraints=True)
    database.run(draft.up)
    assert database.session.query(PLACES) == wanted
    assert database.draft(MANY).names == ()
    database.run(draft.down)
    assert database.session.query(PLACES) == were


def test_the_sequence_of_a_serial(bench: Bench) -> None:
    bench.become(MANY)
    bench.session.execute(
        "ALTER TABLE blog_a ALTER id DROP IDENTITY; CREATE SEQUENCE odd_seq OWNED BY blog_a.id;"
        "ALTER TABLE blog_a ALTER id SET DEFAULT nextval('odd_seq')"
    )
    was = bench.catalog()
    draft = bench.draft(MANY, rename_constraints=True)
    assert [str(one) for one in draft.files[0].names] == ["blog_a.odd_seq=blog_a_id_seq"]
    bench.run(draft.up)
    assert bench.draft(MANY).names == ()
    bench.session.execute("INSERT INTO blog_a (n, u, s) VALUES (1, 1, '')")
    bench.run(draft.down)
    assert bench.catalog() == was


class TestFailures:
    """What a run says where a name is another, or a table is there already."""

    def make(self, shop: Project, up: str) -> str:
        shop.write("blog.20240301000000_later", up)
        return shop.run().error()

    @pytest.mark.parametrize(
        "up",
        [
            "ALTER TABLE blog_book DROP CONSTRAINT gone;",
            "ALTER TABLE blog_book RENAME CONSTRAINT gone TO other;",
            "ALTER TABLE blog_book VALIDATE CONSTRAINT gone;",
            "COMMENT ON CONSTRAINT gone ON blog_book IS 'x';",
            "SELECT 1; DROP INDEX gone;",
        ],
    )
    def test_a_name_that_is_not_there(self, shop: Project, up: str) -> None:
        message = self.make(shop, up)
        assert "(SQLSTATE 42704)" in message
        assert "makemigration blog --generate --rename-constraints --timestamp 20240229235959 writes one" in message

    @pytest.mark.parametrize(
        "up",
        [
            "DROP TYPE gone;",
            "ALTER TABLE blog_book ADD x gone;",
            "CREATE TABLE other (); ALTER TABLE other DROP CONSTRAINT gone;",
            "ALTER TABLE blog_book ALTER slug TYPE text COLLATE gone;",
            "GRANT ALL ON blog_book TO gone;",
        ],
    )
    def test_it_is_said_of_nothing_else(self, shop: Project, up: str) -> None:
        message = self.make(shop, up)
        assert "(SQLSTATE 42704)" in message
        assert "rename-constraints" not in message

    def test_doing_what_is_said_helps(self, shop: Project) -> None:
        """Here is a database with another name; in the one of who wrote the migration it was that of the models."""
        rename(shop, ODD[2])
        up = "ALTER TABLE blog_book DROP CONSTRAINT blog_book_slug_key;"
        down = "ALTER TABLE blog_book ADD CONSTRAINT blog_book_slug_key UNIQUE (slug);"
        path = shop.write("blog.20240301000000_later", up, down)
        (said,) = re.findall(r"makemigration (.*) writes one", shop.run().error())
        text = path.read_text()
        path.unlink()
        shop.manage("makemigration", *said.split()).ok()
        path.write_text(text)
        shop.run().ok()
        assert {one.stem for one in files(shop)} >= {"20240229235959_rename_constraints", "20240301000000_later"}
        shop.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT 1")
        shop.run().ok()

    @pytest.mark.parametrize("table", ["blog_more", '"Blog_more"', 'public."Blog_more"'])
    def test_a_table_that_is_there(self, shop: Project, table: str) -> None:
        shop.sql(f"CREATE TABLE {table} (); SELECT 1")
        message = self.make(shop, f"CREATE UNLOGGED TABLE {table} (id int);")
        assert "record it as applied: migrations_run --fake --to blog.20240301000000_later." in message
        shop.run("--fake", "--to", "blog.20240301000000_later").ok()
        assert shop.run().ok().stdout.count("Applying") == 0

    @pytest.mark.parametrize("options", [(), ("--transaction", "all")])
    def test_faking_is_not_said_where_it_would_fake_others_or_is_no_table(
        self, shop: Project, options: tuple[str, ...]
    ) -> None:
        shop.write("blog.20240202000000_first", "CREATE TABLE first ();")
        what = "CREATE TABLE blog_book ();" if options else "CREATE INDEX by_hand ON blog_book (a);"
        shop.write("blog.20240301000000_later", what)
        message = shop.run(*options).error()
        assert "(SQLSTATE 42P07)" in message
        assert "--fake" not in message
