"""`makemigration --generate --online`: what it writes, with rows there and under the watch; what it refuses."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from medusa_migrations.errors import PlanError
from medusa_migrations.generate.phases import DraftStatement
from tests.support.generated import BOOK, FIRST
from tests.support.kills import terminate_backend
from tests.support.model_texts import Drafts, sql_of
from tests.support.projects import BLOCKED, ROOT, Outcome, Project

SECOND = "20240102000000"
ONLINE = ("makemigration", "blog", "add_all", "--generate", "--online", "--drop-tables", "--timestamp", SECOND)

MODEL = re.compile(r"^class (\w+)\(models.Model", re.MULTILINE)

# Every kind of change in one: columns, defaults, keys, checks and indexes that come, change and go, and tables.
BEFORE = """
class Author(models.Model):
    name = models.CharField(max_length=50)

class Gone(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    itself = models.ForeignKey("self", models.CASCADE, null=True)

class Book(models.Model):
    title = models.CharField(max_length=50)
    stock = models.IntegerField(null=True)
    pages = models.IntegerField(db_default=3)
    leaves = models.CharField(max_length=9)
    key_leaves = models.ForeignKey(Author, models.CASCADE, related_name="+")
    optional = models.IntegerField()
    owner = models.BigIntegerField()
    isbn = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pages__gt=0), name="pages_c"),
            models.UniqueConstraint(fields=["isbn"], name="isbn_u"),
        ]
        indexes = [models.Index(fields=["pages"], name="pages_i"), models.Index(fields=["stock"], name="stock_i")]
"""
AFTER = """
import uuid

class Author(models.Model):
    name = models.CharField(max_length=90, db_index=True)

class Made(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)

class Book(models.Model):
    title = models.CharField(max_length=50, unique=True, db_comment="it's 100 %")
    stock = models.IntegerField(default=7)
    pages = models.IntegerField()
    optional = models.IntegerField(null=True)
    owner = models.ForeignKey(Author, models.CASCADE, db_column="owner")
    isbn = models.CharField(max_length=20)
    rank = models.IntegerField(default=1)
    token = models.UUIDField(default=uuid.uuid4, unique=True)
    editor = models.ForeignKey(Author, models.CASCADE, null=True, related_name="+")
    tags = models.ManyToManyField(Author, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pages__gt=1), name="pages_c"),
            models.CheckConstraint(condition=models.Q(rank__gt=0), name="rank_c"),
            models.CheckConstraint(condition=models.Q(stock__gt=0), name="stock_c"),
            models.UniqueConstraint(fields=["isbn", "title"], name="isbn_u"),
        ]
        indexes = [models.Index(fields=["-pages"], name="pages_i"), models.Index(fields=["rank"], name="rank_i")]
"""
ROWS = """
INSERT INTO blog_author (name) VALUES ('one'), ('two');
INSERT INTO blog_gone (author_id) VALUES (1);
INSERT INTO blog_book (title, stock, leaves, key_leaves_id, optional, owner, isbn)
VALUES ('a', NULL, 'x', 1, 4, 2, 'i'), ('b', 5, 'y', 1, 4, 2, 'j');
"""
# What code of each release sends, with both between the two: before the first knows of the new columns, and the second
# has forgotten those that go.
OLD_CODE = """
INSERT INTO blog_book (title, stock, leaves, key_leaves_id, optional, owner, isbn)
VALUES ('old', NULL, 'z', 2, 4, 1, 'k')
"""
NEW_CODE = """
INSERT INTO blog_book (title, stock, pages, optional, owner, isbn, rank, token)
VALUES ('new', 1, 2, NULL, 1, 'l', 2, '6c3a47a2-79e0-4f6e-a3a5-c7b9d8a1e001')
"""


def catalog(project: Project) -> list[tuple[object, ...]]:
    """What a dump would tell of the tables, save the order of their columns."""
    return project.sql(
        "SELECT 'column', c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) || a.attnotnull"
        " || coalesce(pg_get_expr(d.adbin, d.adrelid), '') FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " WHERE c.relname LIKE 'blog_%' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        " UNION SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid::regclass::text LIKE 'blog_%' AND contype <> 'n'"
        " UNION SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'blog_%'"
        " ORDER BY 1, 2, 3"
    )


def sources(project: Project) -> list[Path]:
    return sorted((project.folder / "blog/sql_migrations").glob("20240102*"))


def start(project: Project, models: str, *then: tuple[str, ...]) -> Outcome:
    project.add_models("blog", models)
    first = ("makemigration", "blog", "--generate", "--timestamp", FIRST)
    return project.manage_several(first, ("migrations_run", "--build"), *then).ok()


class TestAllKindsOfChanges:
    def test_run_watched_and_reverted(self, project: Project) -> None:
        """Old code works until the last file, new code from the last but one on."""
        start(project, BEFORE)
        project.sql(ROWS)
        was = catalog(project)
        project.add_models("blog", AFTER)
        outcome = project.manage_several(ONLINE, ("migrations_verify",), ("migrations_lint", "blog")).ok()
        assert "0 faults, 0 unsafe statements" in outcome.stdout
        assert not re.search(r"add_all\S*:\d+:\d+: \S+ \(error\)|\d: [a-z-]+: ", outcome.stdout), outcome.stdout
        names = [path.name for path in sources(project)]
        assert names == [f"{SECOND}_add_all.sql", "20240102000001_add_all_fill.py", "20240102000002_add_all_after.sql"]
        project.run("--to", "blog.20240102000001_add_all_fill").ok()
        project.sql(OLD_CODE)
        project.sql(NEW_CODE)
        project.sql("DELETE FROM blog_gone")
        check = ("makemigration", "blog", "--generate", "--check", "--drop-tables")
        assert "No changes detected" in project.manage_several(("migrations_run",), check).ok().stdout
        assert project.sql("SELECT title, stock, rank FROM blog_book WHERE title <> 'new' ORDER BY 1") == [
            ("a", 7, 1),
            ("b", 5, 1),
            ("old", 7, 1),
        ]
        assert project.sql("SELECT count(DISTINCT token) FROM blog_book") == [(4,)]
        project.sql("DELETE FROM blog_book")  # what new code has written has nothing that old code asks for
        project.manage("migrations_revert", "--steps", "3").ok()
        assert catalog(project) == was

    def test_the_end_is_that_of_the_plain_way(self, project: Project) -> None:
        plain = tuple(one for one in ONLINE if one != "--online")
        start(project, BEFORE)
        project.add_models("blog", AFTER)
        project.manage_several(plain, ("migrations_run", "--build")).ok()
        wanted = catalog(project)
        project.manage("migrations_revert").ok()
        for path in sources(project):
            path.unlink()
        project.manage_several(ONLINE, ("migrations_run", "--build")).ok()
        assert catalog(project) == wanted


def test_a_run_that_is_cut_off_goes_on(project: Project) -> None:
    """In the middle of an index, which is left invalid."""
    start(project, BOOK)
    was = catalog(project)
    project.sql("INSERT INTO blog_book (title) VALUES ('one')")
    project.add_models("blog", BOOK.replace("100", "100, unique=True"))
    project.manage_several(ONLINE, ("migrations_build",)).ok()
    with contextlib.closing(project.server.connect(project.database)) as other, other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE blog_book IN ROW EXCLUSIVE MODE")
        run = project.start("migrations_run")
        project.wait_for(BLOCKED)
        project.wait_for("EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)")
        assert terminate_backend(project)
        stdout, stderr = run.communicate(timeout=60)
        assert run.returncode == 1, stdout + stderr
    check = ("makemigration", "blog", "--generate", "--check")
    assert "No changes detected" in project.manage_several(("migrations_run",), check).ok().stdout
    assert project.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    project.manage("migrations_revert").ok()
    assert catalog(project) == was


class TestFiles:
    def test_new_tables_alone_are_an_ordinary_file(self, project: Project) -> None:
        project.add_models("blog", AFTER)
        made = project.manage(*ONLINE, "--json").ok().json
        (path,) = sources(project)
        assert "transaction:false" not in path.read_text()
        assert made["files"] == [{"id": made["id"], "path": made["path"]}]

    def test_what_a_document_and_a_dry_run_tell(self, project: Project) -> None:
        start(project, BOOK)
        project.add_models("blog", BOOK + "    n = models.UUIDField(default=__import__('uuid').uuid4)\n")
        made = project.manage(*ONLINE, "--dry-run", "--json").ok().json
        assert [one["id"] for one in made["files"]] == [
            f"blog.{SECOND}_add_all",
            "blog.20240102000001_add_all_fill",
            "blog.20240102000002_add_all_after",
        ]
        assert sources(project) == []
        dry = project.manage(*ONLINE, "--dry-run").ok()
        for one in made["files"]:
            assert f"-- {one['path']}\n{one['text']}" in dry.stdout

    def test_none_is_written_where_one_of_them_cannot_be(self, project: Project) -> None:
        """A name, or a moment, that only the first of them fits."""
        start(project, BOOK)
        project.add_models("blog", BOOK + "    n = models.UUIDField(default=__import__('uuid').uuid4)\n")
        generate = ("makemigration", "blog", "--generate", "--online")
        assert "at most 228 fit" in project.manage("makemigration", "blog", "x" * 208, *generate[2:]).error()
        told = project.manage(*generate, "--timestamp", "99991231235958").error()
        assert "No timestamp comes after that of blog.99991231235959_" in told
        assert len(list((project.folder / "blog/sql_migrations").iterdir())) == 1

    def test_what_somebody_should_look_at(self, project: Project) -> None:
        """As in one file: a value that was made up, one that nobody can, and what a down part cannot do."""
        start(project, BOOK)
        project.add_models(
            "blog",
            BOOK.replace("100", "200")
            + "    note = models.TextField()\n    other = models.ForeignKey('self', models.CASCADE)\n"
            + "    code = models.CharField(max_length=9, default='x', unique=True)\n",
        )
        outcome = project.manage(*ONLINE).ok()
        first, fill, after = (path.read_text() for path in sources(project))
        made_up = "Rows that are there get '' in blog_book.note, which has no default. Put in what is right."
        by_hand = "Fill blog_book.other_id in rows that are there: no value could be invented"
        assert f"-- {made_up}\nALTER TABLE" in first
        assert f"# {by_hand}" in fill
        assert "#     set='\"other_id\" = ...'" in fill
        assert "This fails if blog_book.other_id is null in any row" in after
        assert "-- rewrite: ALTER COLUMN" in first.partition("-- migrate:down")[2]
        assert outcome.stderr.count(made_up) == 1
        assert "one value in blog_book.code, which is unique: for several this fails." in outcome.stderr
        assert outcome.stderr.count(by_hand) == 1


FILLED = "class Book(models.Model):\n    n = models.CharField(max_length=9, db_default='7')\n"
N = "class Book(models.Model):\n    title = models.CharField(max_length=100)\n    n = models.IntegerField()\n"
STORED = "models.GeneratedField(expression=models.F('n') + 1, db_persist=True, output_field=models.IntegerField())"


def test_a_default_of_another_type_is_not_what_it_is_refused_for(drafts: Drafts) -> None:
    drafts.become(FILLED)
    with pytest.raises(PlanError, match=r'(?s)^What has no online way here:.*"n" TYPE integer.*rewrite: '):
        drafts.draft("class Book(models.Model):\n    n = models.IntegerField(null=True)\n", online=True)
    draft = drafts.both_ways("class Book(models.Model):\n    n = models.TextField(null=True)\n", online=True)
    assert "SET DEFAULT ('7'::character varying)::text" in sql_of(draft.up)


@pytest.mark.parametrize(
    ("after", "renames", "told"),
    [
        pytest.param(
            N.replace("IntegerField()", "BigIntegerField()"),
            (),
            'ALTER TABLE "blog_book" ALTER COLUMN "n" TYPE bigint\n    rewrite: ',
            id="a type that writes the table anew",
        ),
        pytest.param(
            N.replace("max_length=100", "max_length=90"),
            (),
            'ALTER COLUMN "title" TYPE character varying(90)\n    rewrite: ',
            id="a text that gets shorter",
        ),
        pytest.param(
            N.replace("IntegerField()", "DateField()"),
            (),
            "blog_book.n: has to be dropped and added again",
            id="a type that cannot be cast",
        ),
        pytest.param(
            N.replace("title", "headline"),
            ("blog_book.title=headline",),
            "blog_book.title=headline: a rename",
            id="a column renamed",
        ),
        pytest.param(
            N.replace("Book", "Volume"),
            ("blog_book=blog_volume",),
            "blog_book=blog_volume: a rename",
            id="a table renamed",
        ),
        pytest.param(
            f"{N}    g = {STORED}\n",
            (),
            " STORED\n    rewrite: ",
            id="a stored generated column",
        ),
        pytest.param(
            f"{N}    key = models.BigAutoField(primary_key=True)\n",
            (),
            'ADD COLUMN "key" bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL\n    rewrite: ',
            id="a column that counts up",
        ),
    ],
)
def test_refused_by_name(drafts: Drafts, after: str, renames: tuple[str, ...], told: str) -> None:
    drafts.become(N)
    extra = ["blog_book"] if "Book" not in after else []
    with pytest.raises(PlanError) as refused:
        drafts.draft(after, renames=renames, online=True, extra_tables=extra)
    assert str(refused.value).startswith("What has no online way here:\n  ")
    assert told in str(refused.value)
    assert "Nothing was written. Leave out --online, or split it: " in str(refused.value)


def test_where_something_is_refused_nothing_is_written(project: Project) -> None:
    start(project, N)
    project.add_models(
        "blog", N.replace("IntegerField", "BigIntegerField") + "    m = models.IntegerField(null=True)\n"
    )
    outcome = project.manage(*ONLINE, "--json")
    assert 'ALTER COLUMN "n" TYPE bigint' in outcome.error()
    assert outcome.json["error"]["message"] in outcome.stderr
    assert outcome.json["files"] == []
    assert sources(project) == []
    assert "--online goes with --generate only." in project.manage("makemigration", "blog", "x", "--online").error()


def send(drafts: Drafts, statements: Iterable[DraftStatement | None]) -> None:
    """Each in a transaction of its own."""
    for one in statements:
        if one:
            drafts.session.execute(one.sql)


CASES = [case for case in sorted((ROOT / "tests/scenarios/generate").iterdir()) if not (case / "options").exists()]
# What they are about cannot be done online.
REFUSED = {
    "a_check_on_a_column_that_is_retyped",
    "a_generated_column_and_the_type_under_it",
    "a_generated_column_is_no_longer_one",
    "a_generated_column_with_an_index_changes",
    "a_type_that_cannot_be_cast",
    "an_exclusion_constraint",
    "char_to_integer",
    "columns_swap_their_types",
    "decimal_digits",
    "floats_become_integers",
    "int_key_to_bigint_key",
    "text_to_varchar",
    "varchar_shrinks",
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_scenarios_of_the_plain_way(drafts: Drafts, case: Path) -> None:
    before, after, rows, by_hand = (
        path.read_text() if (path := case / name).exists() else ""
        for name in ("before.py", "after.py", "rows.sql", "by_hand.sql")
    )
    drafts.run(drafts.draft(before).up)
    drafts.session.execute(by_hand.partition("-- migrate:down")[0] + rows + ";SELECT 1")
    gone = {f"blog_{name.lower()}" for name in set(MODEL.findall(before)) - set(MODEL.findall(after))}
    scope = {"extra_tables": sorted(gone)}
    if case.name in REFUSED:
        with pytest.raises(PlanError, match="What has no online way here"):
            drafts.draft(after, online=True, **scope)
        return
    was, draft = drafts.catalog(), drafts.draft(after, online=True, **scope)
    assert [one.sql for one in draft.up if one.findings] == []
    send(drafts, draft.stages.before.up if draft.stages else draft.up)
    send(drafts, (one.statement for one in draft.stages.fills) if draft.stages else ())
    send(drafts, draft.stages.after.up if draft.stages else ())
    assert drafts.draft(after).up == ()
    drafts.session.execute(
        (case / "before_revert.sql").read_text() if (case / "before_revert.sql").exists() else "SELECT 1"
    )
    send(drafts, draft.down)
    assert drafts.catalog() == was


PART = "class E(models.Model):\n    n = models.IntegerField()\n    m = models.IntegerField(null=True)\n"


def test_a_partitioned_table_has_what_ways_it_has(drafts: Drafts) -> None:
    drafts.session.execute(
        "CREATE TABLE blog_e (id bigint GENERATED BY DEFAULT AS IDENTITY, n integer NOT NULL, m integer,"
        " PRIMARY KEY (id)) PARTITION BY RANGE (id); CREATE TABLE blog_e_1 PARTITION OF blog_e DEFAULT"
    )
    after = PART.replace("null=True", "default=3, db_index=True") + (
        "    f = models.ForeignKey('self', models.CASCADE, null=True)\n"
        "    class Meta:\n        constraints = [models.CheckConstraint(condition=models.Q(n__gt=0), name='c')]\n"
    )
    was, draft = drafts.catalog(), drafts.draft(after, online=True)
    assert draft.stages
    plain = [one for one in draft.up if one.is_only_way]
    assert all("blog_e is partitioned, and so others wait for this" in one.note for one in plain)
    assert [one.sql.split()[:2] for one in plain][:2] == [["CREATE", "INDEX"]] * 2
    assert 'ADD CONSTRAINT "c" CHECK (n > 0) NOT VALID' in sql_of(draft.up)
    send(drafts, (*draft.stages.before.up, *(one.statement for one in draft.stages.fills), *draft.stages.after.up))
    assert drafts.draft(after).up == ()
    send(drafts, draft.down)
    assert drafts.catalog() == was


GUIDE = (ROOT / "docs/online.md").read_text().partition("## A type by hand")[2].partition("\n## ")[0]


def test_the_recipe_of_the_guide(project: Project) -> None:
    """A type changed by hand, with code at work, and a table renamed; back to where there is a way back."""
    project.write(
        "blog.20240101000000_init",
        "CREATE TABLE blog_post (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, views integer NOT NULL);\n"
        "CREATE INDEX blog_post_views ON blog_post (views); INSERT INTO blog_post (views) VALUES (1), (2);",
        "DROP TABLE blog_post;",
    )
    project.run().ok()
    was = catalog(project)
    names = []
    for block in re.findall(r"^```(?:sql|python)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
        names.append(block.split()[1])
        (project.folder / "blog/sql_migrations" / names[-1]).write_text(block)
    beside, fill, swap, after, rename = (f"blog.{Path(name).stem}" for name in names)
    project.manage_several(("migrations_build",), ("migrations_lint", "blog"), ("migrations_run", "--to", beside)).ok()
    project.sql("INSERT INTO blog_post (views) VALUES (3); UPDATE blog_post SET views = 4 WHERE views = 1")
    project.manage_several(("migrations_run", "--to", swap), ("migrations_revert", "--steps", "3")).ok()
    assert catalog(project) == was
    project.manage("migrations_run", "--to", swap).ok()
    project.sql("INSERT INTO blog_post (views) VALUES (5)")
    project.manage("migrations_run").ok()
    project.sql("INSERT INTO blog_post (views) VALUES (3000000000)")
    assert project.sql("SELECT views FROM blog_article ORDER BY 1") == [(2,), (3,), (4,), (5,), (3_000_000_000,)]
    assert {fill, after, rename} <= set(project.applied())


LINE = """
class Line(models.Model):
    pk = models.CompositePrimaryKey("a", "b")
    a = models.IntegerField()
    b = models.IntegerField()
    c = models.IntegerField(null=True)
"""
PAIR = """
class One(models.Model):
    x = models.IntegerField(null=True)
    y = models.IntegerField(null=True)
    class Meta:
        indexes = [models.Index(fields=["x"], name="i")]

class Two(models.Model):
    x = models.IntegerField(null=True)
"""
TWO = PAIR.partition("\n\n")[2]
META = '    class Meta:\n        indexes = [models.Index(fields=["x"], name="i")]'


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        pytest.param(
            LINE.replace("null=True", ""),
            LINE.replace("null=True", "").replace('"b")', '"c")'),
            'DROP CONSTRAINT "blog_line_pkey", ADD CONSTRAINT "blog_line_pkey" PRIMARY KEY USING INDEX',
            id="a primary key on other columns is exchanged in one statement",
        ),
        pytest.param(
            LINE,
            LINE.replace("null=True", "default=3").replace('"b")', '"c")'),
            'PRIMARY KEY USING INDEX "blog_line_pkey_new"',
            id="a primary key waits until its column is required",
        ),
        pytest.param(
            BOOK,
            BOOK.replace("100", "100, primary_key=True"),
            'DROP COLUMN "id"',
            id="a primary key goes to another column, and the old one goes later",
        ),
        pytest.param(PAIR, TWO + META, 'DROP INDEX CONCURRENTLY "i"', id="a table that goes has the name of an index"),
        pytest.param(
            PAIR,
            f"{PAIR.replace(META, '')}{META}",
            'CREATE INDEX CONCURRENTLY "i" ON "blog_two"',
            id="the name of an index moves to another table",
        ),
        pytest.param(
            PAIR,
            PAIR.replace('"x"], name="i"', '"x", "y"], name="i"'),
            'ALTER INDEX "i_new" RENAME TO "i"',
            id="an index of the same name is built beside the old one",
        ),
        pytest.param(
            PAIR,
            PAIR.replace("indexes", "constraints").replace("models.Index(", "models.UniqueConstraint("),
            'UNIQUE USING INDEX "i"',
            id="an index becomes a constraint of its name",
        ),
        pytest.param(
            PAIR,
            PAIR.replace("y = models.IntegerField(null=True)", "z = models.FloatField(db_default=Random())"),
            'ADD COLUMN "z" double precision\n',
            id="a default of the database that differs from row to row",
        ),
        pytest.param(
            "class Book(models.Model):\n    n = models.IntegerField(db_column='we)ird x', null=True)\n",
            "class Book(models.Model):\n    n = models.IntegerField(db_column='we)ird x', unique=True)\n",
            'USING btree ("we)ird x")',
            id="a name in quotes",
        ),
        pytest.param(
            f"class A{'a' * 50}(models.Model):\n    x{'b' * 55} = models.IntegerField(null=True)\n",
            f"class A{'a' * 50}(models.Model):\n    x{'b' * 55} = models.IntegerField(default=3, unique=True)\n",
            "_required",
            id="long names",
        ),
    ],
)
def test_the_order_of_steps(drafts: Drafts, before: str, after: str, step: str) -> None:
    after = f"from django.db.models.functions import Random\n{after}"
    drafts.run(drafts.draft(before).up)
    was = drafts.catalog()
    gone = {f"blog_{name.lower()}" for name in {*MODEL.findall(before)} - {*MODEL.findall(after)}}
    draft = drafts.draft(after, online=True, extra_tables=sorted(gone))
    assert draft.stages
    assert step in sql_of(draft.up)
    assert [one.sql for one in draft.up if one.findings] == []
    send(drafts, (*draft.stages.before.up, *(one.statement for one in draft.stages.fills), *draft.stages.after.up))
    assert drafts.draft(after).up == ()
    send(drafts, draft.down)
    assert drafts.catalog() == was
