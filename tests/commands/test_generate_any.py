"""Any models to any other models: what is generated does it, there is nothing to generate then, and it goes back.

Whatever the database has besides: serial keys, a partitioned table that is referred to, another style of dates, and
what stands on a table.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import Error, IntegrityError, models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medusa_migrations.database.session import Session
from medusa_migrations.generate.catalog import read_tables
from medusa_migrations.generate.draft import Draft, make_draft
from medusa_migrations.generate.scope import Scope
from medusa_migrations.generate.tables import Table
from medusa_migrations.generate.values import zero_value
from medusa_migrations.generate.wanted import wanted_of
from tests.support.drafts import PLAIN
from tests.support.projects import Server
from tests.support.sessions import session_on

NAMES = ("a", "b", "c", "d")
KINDS: dict[str, Any] = {
    "char": lambda **options: models.CharField(max_length=20, **options),
    "longer": lambda **options: models.CharField(max_length=90, **options),
    "text": models.TextField,
    "integer": models.IntegerField,
    "big": models.BigIntegerField,
    "positive": models.PositiveSmallIntegerField,
    "boolean": models.BooleanField,
    "date": models.DateField,
    "moment": models.DateTimeField,
    "decimal": lambda **options: models.DecimalField(max_digits=9, decimal_places=2, **options),
    "uuid": models.UUIDField,
    "json": models.JSONField,
    "float": models.FloatField,
    "slug": models.SlugField,
}
DEFAULTS = {"char": "it's", "text": "%s %%", "integer": 7, "boolean": True, "uuid": uuid.uuid4, "json": dict}


@dataclass(frozen=True)
class FieldSpec:
    kind: str
    null: bool
    unique: bool
    index: bool
    default: bool
    comment: bool
    target: str


@dataclass(frozen=True)
class ModelSpec:
    fields: dict[str, FieldSpec]
    many: bool
    constraint: str


@dataclass(frozen=True)
class LegacySpec:
    """What a database has that no model says.

    `serials` are models whose keys are serial, and smaller. `dependent` is what stands on the columns of the first
    table.
    """

    style: str
    serials: set[str]
    partitioned: bool
    dependent: str


fields = st.builds(
    FieldSpec,
    kind=st.sampled_from([*KINDS, "foreign", "one"]),
    null=st.booleans(),
    unique=st.booleans(),
    index=st.booleans(),
    default=st.booleans(),
    comment=st.booleans(),
    target=st.sampled_from(["Red", "Green", "Blue", "Part"]),
)
legacies = st.builds(
    LegacySpec,
    style=st.sampled_from(["ISO, MDY", "SQL, DMY", "German"]),
    serials=st.sets(st.sampled_from(["Red", "Green", "Blue"])),
    partitioned=st.booleans(),
    dependent=st.sampled_from(["", "view", "function"]),
)
specs = st.dictionaries(
    st.sampled_from(["Red", "Green", "Blue"]),
    st.builds(
        ModelSpec,
        fields=st.dictionaries(st.sampled_from(NAMES), fields, max_size=4),
        many=st.booleans(),
        constraint=st.sampled_from(["", "unique", "check", "index", "partial"]),
    ),
    min_size=1,
    max_size=3,
)


def field(spec: FieldSpec, there: Any) -> models.Field[Any, Any] | None:
    options: dict[str, Any] = {"null": spec.null, "db_comment": "it's 100 %" if spec.comment else None}
    if spec.kind in ("foreign", "one"):
        if spec.target not in there:
            return None
        kind: Any = models.ForeignKey if spec.kind == "foreign" else models.OneToOneField
        return kind(spec.target, models.CASCADE, related_name="+", **options)
    if spec.default and spec.kind in DEFAULTS:
        options["default"] = DEFAULTS[spec.kind]
    if spec.kind not in ("json", "boolean"):
        options |= {"unique": spec.unique, "db_index": spec.index}
    return KINDS[spec.kind](**options)


def build(spec: dict[str, ModelSpec], partitioned: bool = False) -> list[type[models.Model]]:
    """The models of a registry of their own; where there is a partitioned table, with one for that."""
    spec = spec | ({"Part": ModelSpec({}, many=False, constraint="")} if partitioned else {})
    registry = Apps()
    for name, one in spec.items():
        made = {key: found for key, value in one.fields.items() if (found := field(value, spec)) is not None}
        meta: dict[str, Any] = {"app_label": "blog", "apps": registry}
        plain = [key for key, value in one.fields.items() if key in made and value.kind in ("integer", "big")]
        if plain and one.constraint == "check":
            meta["constraints"] = [
                models.CheckConstraint(condition=models.Q(**{f"{plain[0]}__gt": 3}), name=f"{name}_c")
            ]
        elif plain and one.constraint == "unique":
            meta["constraints"] = [models.UniqueConstraint(fields=plain, name=f"{name}_u", nulls_distinct=False)]
        elif plain and one.constraint:
            where = models.Q(**{f"{plain[0]}__gt": 3}) if one.constraint == "partial" else None
            meta["indexes"] = [models.Index(models.F(plain[0]).desc(), name=f"{name}_i", condition=where)]
        body: dict[str, Any] = {"__module__": __name__, "Meta": type("Meta", (), meta), **made}
        body["id"] = models.BigAutoField(primary_key=True)
        if one.many:
            body["others"] = models.ManyToManyField("self")
        type(name, (models.Model,), body)
    return list(registry.all_models["blog"].values())


def draft_of(
    session: Session,
    spec: dict[str, ModelSpec],
    legacy: LegacySpec | None = None,
    *,
    online: bool = False,
    apps: Sequence[str] = ("blog",),
) -> Draft:
    """With several `apps`, each is that of the model whose name it is."""
    if legacy:
        session.execute(f"SET datestyle = {legacy.style!r}")
    wanted = wanted_of(build(spec, partitioned=bool(legacy and legacy.partitioned)))
    there = [
        name
        for (name,) in session.query("SELECT relname::text FROM pg_class WHERE relname ~ '^blog_' AND relkind = 'r'")
    ]
    gone = [name for name in there if name not in wanted.tables]
    owners = {name: label for name in (*wanted.tables, *gone) for label in apps if name.split("_")[1] == label}
    request = replace(PLAIN, drop_tables=True, online=online, apps=apps)
    return make_draft(session, request, Scope(wanted, extra_tables=gone, owners=owners))


def run(session: Session, statements: Any) -> None:
    session.execute("BEGIN; " + "; ".join(statement.sql for statement in statements) + "; COMMIT")


def catalog(session: Session) -> dict[str, Table]:
    names = [name for (name,) in session.query("SELECT relname::text FROM pg_class WHERE relname ~ '^blog_'")]
    return read_tables(session, session.query("SELECT 'public'::regnamespace::oid")[0][0], names)


@pytest.fixture(scope="module")
def session(server: Server, django_db_blocker: Any) -> Iterator[Session]:
    name = f"test_{os.getpid()}_generate"
    server.create_database(name)
    with django_db_blocker.unblock(), session_on(server, name) as opened:
        yield opened
    server.drop_database(name)


def test_live_tables_are_only_read(session: Session, server: Server) -> None:
    """As pg_locks has it while a person is asked, which is in the middle of everything."""
    session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    red = ModelSpec({"a": FieldSpec("integer", True, False, True, False, False, "")}, many=True, constraint="")
    run(session, draft_of(session, {"Red": red, "Green": red}).up)
    session.execute("INSERT INTO blog_red (a) VALUES (1)")
    before = session.query("SELECT count(*) FROM pg_class")
    database = session.connection.settings_dict["NAME"]
    modes = []

    def asked(rename: str) -> bool:
        modes.append(
            server.execute(
                "SELECT DISTINCT c.relname::text, mode FROM pg_locks JOIN pg_class c ON c.oid = relation"
                " WHERE relnamespace = 'public'::regnamespace AND granted",
                database,
            )
        )
        return True

    wanted = wanted_of(build({"Red": ModelSpec({"b": red.fields["a"]}, many=True, constraint=""), "Green": red}))
    draft = make_draft(session, replace(PLAIN, accept=asked), Scope(wanted))
    assert [str(rename) for rename in draft.renames] == ["blog_red.a=b"]
    assert len(modes) == 1
    assert {mode for _, mode in modes[0]} <= {"AccessShareLock"}
    assert session.query("SELECT count(*) FROM pg_class") == before


def test_tablespaces(session: Session) -> None:
    session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    space = f"generate_{os.getpid()}"
    session.execute("SET allow_in_place_tablespaces = true")
    session.execute(f"CREATE TABLESPACE {space} LOCATION ''")
    try:
        plain = ModelSpec({"a": FieldSpec("integer", True, False, True, False, False, "")}, many=False, constraint="")
        run(session, draft_of(session, {"Red": plain}).up)
        was = catalog(session)
        (red,) = build({"Red": plain})
        red._meta.db_tablespace = space
        scope = Scope(wanted_of([red]))
        there = make_draft(session, PLAIN, scope)
        run(session, there.up)
        assert catalog(session)["blog_red"].tablespace == space
        assert make_draft(session, PLAIN, scope).up == ()
        run(session, there.down)
        assert catalog(session) == was
    finally:
        session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        session.execute(f"DROP TABLESPACE {space}")


def make_partitioned(session: Session) -> None:
    session.execute(
        "CREATE TABLE blog_part (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE part_1 PARTITION OF blog_part FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE part_2 PARTITION OF blog_part FOR VALUES FROM (100) TO (200)"
    )


def make_serial(session: Session, table: str) -> None:
    """As a legacy table has it, with 50 numbers given out."""
    session.execute(
        f"ALTER TABLE {table} ALTER id DROP IDENTITY, ALTER id TYPE integer;"
        f"CREATE SEQUENCE {table}_id_seq AS integer OWNED BY {table}.id;"
        f"ALTER TABLE {table} ALTER id SET DEFAULT nextval('{table}_id_seq'); SELECT setval('{table}_id_seq', 50)"
    )


def next_ids(session: Session, tables: set[str]) -> set[int]:
    return {session.query(f"SELECT nextval(pg_get_serial_sequence('{one}', 'id'))")[0][0] for one in tables}


def make_dependent(session: Session, kind: str, table: Table) -> None:
    columns = ", ".join(table.columns)
    query = f"SELECT count(*) AS number FROM (SELECT {columns} FROM {table.name} OFFSET 0) every"
    if kind == "view":
        session.execute(f"CREATE VIEW dependent AS {query}")
    elif kind == "function":
        session.execute(f"CREATE FUNCTION dependent() RETURNS bigint BEGIN ATOMIC {query}; END")


def run_named(session: Session, draft: Draft, kind: str) -> None:
    """Run the up part; where something is in the way, the draft has named it."""
    named = any(f"{kind} dependent" in one.what for one in draft.standing)
    try:
        run(session, draft.up)
    except Error:
        session.rollback()
        if not named:
            raise
        session.execute(f"DROP {kind} dependent")
        run(session, draft.up)
    if kind:
        session.execute(f"DROP {kind} IF EXISTS dependent")


@pytest.mark.smoke
@pytest.mark.server
@settings(max_examples=int(os.environ.get("EXAMPLES", "20")), suppress_health_check=list(HealthCheck))
@given(before=specs, after=specs, legacy=legacies)
def test_any_models_become_any_others(
    session: Session, before: dict[str, ModelSpec], after: dict[str, ModelSpec], legacy: LegacySpec
) -> None:
    session.rollback()
    session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    if legacy.partitioned:
        make_partitioned(session)
    empty = catalog(session)
    first = draft_of(session, before, legacy)
    run(session, first.up)
    assert draft_of(session, before, legacy).up == ()
    serial = {f"blog_{name.lower()}" for name in legacy.serials & before.keys()}
    for table in serial:
        make_serial(session, table)
    was = catalog(session)
    make_dependent(session, legacy.dependent, was[f"blog_{min(before).lower()}"])
    second = draft_of(session, after, legacy)
    run_named(session, second, legacy.dependent)
    assert draft_of(session, after, legacy).up == ()
    staying = serial & {f"blog_{name.lower()}" for name in after}
    assert next_ids(session, staying) <= {51}
    run(session, second.down)
    assert catalog(session) == was
    assert next_ids(session, staying) <= {52}
    run(session, first.down)
    assert catalog(session) == empty


@pytest.mark.server
@settings(max_examples=int(os.environ.get("EXAMPLES", "20")), suppress_health_check=list(HealthCheck))
@given(
    before=specs,
    after=specs,
    serials=legacies.map(lambda one: one.serials),
    apps=st.permutations(("red", "green", "blue")),
)
def test_any_models_of_several_apps_become_any_others(
    session: Session,
    before: dict[str, ModelSpec],
    after: dict[str, ModelSpec],
    serials: set[str],
    apps: Sequence[str],
) -> None:
    """File by file, each in a transaction of its own."""
    session.rollback()
    session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    first = draft_of(session, before, apps=apps)
    for file in first.files:
        run(session, file.up)
    assert draft_of(session, before).up == ()
    for name in serials & before.keys():
        make_serial(session, f"blog_{name.lower()}")
    was = catalog(session)
    second = draft_of(session, after, apps=apps)
    for file in second.files:
        run(session, file.up)
    assert draft_of(session, after, apps=apps).up == ()
    for file in reversed(second.files):
        run(session, file.down)
    assert catalog(session) == was
    for file in reversed(first.files):
        run(session, file.down)
    assert catalog(session) == {}


def keeping_kinds(after: dict[str, ModelSpec], before: dict[str, ModelSpec]) -> dict[str, ModelSpec]:
    """`after`, with the fields that stay of the kinds that they were of: a type is not changed online."""
    return {
        name: replace(
            one,
            fields={
                key: replace(value, kind=before[name].fields[key].kind)
                if name in before and key in before[name].fields
                else value
                for key, value in one.fields.items()
            },
        )
        for name, one in after.items()
    }


def add_row(session: Session, table: Table) -> None:
    """A row with what stands for nothing, where that is allowed."""
    required = [one for one in table.columns.values() if one.not_null and not one.fills_itself]
    names = ", ".join(one.name for one in required)
    numbers = {"bigint": "7", "integer": "7"}  # which every check lets be
    values = ", ".join(
        "1" if one.name.endswith("_id") else numbers.get(one.type) or zero_value(one.type) or "" for one in required
    )
    given = f"({names}) VALUES ({values})" if required else "DEFAULT VALUES"
    with contextlib.suppress(IntegrityError):
        session.execute(f"INSERT INTO {table.name} {given}")
    session.rollback()


def fills_below_a_check(before: dict[str, ModelSpec], after: dict[str, ModelSpec]) -> bool:
    """Whether rows get a value in a column that a check is about, as it is new, or was nullable."""
    for name, one in after.items():
        checked = next((key for key, value in one.fields.items() if value.kind in ("integer", "big")), None)
        if one.constraint == "check" and checked and not one.fields[checked].null:
            was = before[name].fields.get(checked) if name in before else None
            if was is None or was.null:
                return True
    return False


def moves_a_key(before: dict[str, ModelSpec], after: dict[str, ModelSpec]) -> bool:
    """Whether rows that are there would have to refer to those of another table."""
    return any(
        value.kind in ("foreign", "one") and value.target != before[name].fields[key].target
        for name, one in after.items()
        if name in before
        for key, value in one.fields.items()
        if key in before[name].fields
    )


def run_stages(session: Session, draft: Draft) -> None:
    """Each statement by itself, as its files say it."""
    fills = draft.stages.fills if draft.stages else ()
    before = draft.stages.before.up if draft.stages else draft.up
    after = draft.stages.after.up if draft.stages else ()
    for statement in (*before, *(one.statement for one in fills if one.statement), *after):
        session.execute(statement.sql)


@pytest.mark.server
@settings(max_examples=int(os.environ.get("EXAMPLES", "10")), suppress_health_check=list(HealthCheck))
@given(before=specs, after=specs, legacy=legacies)
def test_any_models_become_any_others_online(
    session: Session, before: dict[str, ModelSpec], after: dict[str, ModelSpec], legacy: LegacySpec
) -> None:
    """With rows there, a statement a transaction; nothing of it is refused, as no type changes."""
    session.rollback()
    session.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    if legacy.partitioned:
        make_partitioned(session)
    run(session, draft_of(session, before, legacy).up)
    was = catalog(session)
    for table in was.values():
        add_row(session, table)
    after = keeping_kinds(after, before)
    draft = draft_of(session, after, legacy, online=True)
    # A person would have to fill a key, or a value that a check lets be; the way back is filled too.
    is_below = fills_below_a_check(before, after) or fills_below_a_check(after, before)
    if is_below or moves_a_key(before, after) or any(one.is_unfinished for one in (*draft.up, *draft.down)):
        session.execute(f"TRUNCATE {', '.join(was)} CASCADE")
    run_stages(session, draft)
    assert draft_of(session, after, legacy).up == ()
    for statement in draft.down:
        session.execute(statement.sql)
    assert catalog(session) == was
