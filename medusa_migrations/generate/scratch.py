"""Tables for the time of a comparison: in pg_temp, in a transaction that is rolled back.

That takes the privilege TEMP only, and no lock on live tables but ACCESS SHARE.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from medusa_migrations.database.postgresql import INSUFFICIENT_PRIVILEGE, OUT_OF_MEMORY, UNDEFINED_OBJECT, server_error
from medusa_migrations.database.session import Session
from medusa_migrations.errors import DatabaseError
from medusa_migrations.events import Listener, working
from medusa_migrations.messages import N_
from medusa_migrations.sql.names import quoted

from .catalog import read_tables
from .confined import confined
from .remade import Place
from .render import create_tables
from .tables import Table, Tables
from .wanted import has_key

# Every table made takes locks until it is rolled back, and the server has room for some thousands of them
# (max_locks_per_transaction). So models are made and read a batch at a time.
BATCH = 40


class Scratch:
    """A transaction with temporary tables, which `open_scratch` begins; `live` is the schema of the live tables.

    `listener` is told how far that is which takes long there.
    """

    def __init__(self, session: Session, live: str, listener: Listener) -> None:
        self.session, self.live, self.listener = session, live, listener
        self.namespace: int = session.query("SELECT pg_catalog.pg_my_temp_schema()")[0][0]

    def execute(self, statements: Iterable[str]) -> None:
        """Run the statements one after the other. Raises django.db.Error if one fails."""
        for statement in statements:
            self.session.execute(statement)

    def change(self, statements: Iterable[str]) -> None:
        """Run statements of a draft on the tables here alone. Raises django.db.Error if one fails."""
        self.execute(map(confined, statements))

    def read(self, names: Iterable[str]) -> dict[str, Table]:
        """The tables with these names that the scratch has, by name, as they are now."""
        return read_tables(self.session, self.namespace, names)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end what is done meanwhile, which gives its locks back too."""
        self.session.execute("SAVEPOINT undone")
        try:
            yield
        finally:
            self.session.execute("ROLLBACK TO SAVEPOINT undone; RELEASE SAVEPOINT undone")

    def exists(self, name: str) -> bool:
        """Whether the scratch has a relation of that name."""
        found = self.session.query(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = %s::oid AND relname = %s)",
            [self.namespace, name],
        )
        return bool(found[0][0])

    def copy_live(self, name: str) -> bool:
        """Make a table for foreign keys to refer to, like the live one of that name; False if there is none.

        A foreign key to the live table itself would take SHARE ROW EXCLUSIVE on it.
        """
        table = f"{quoted(self.live)}.{quoted(name)}"
        if self.session.query("SELECT pg_catalog.to_regclass(%s)", [table])[0][0] is None:
            return False
        self.session.execute(f"CREATE TEMP TABLE {quoted(name)} (LIKE {table} INCLUDING INDEXES)")
        return True


@contextmanager
def open_scratch(session: Session, listener: Listener) -> Iterator[Scratch]:
    """Begin a transaction in which pg_temp comes first on the search_path, and roll it back at the end.

    Raises DatabaseError if the user may make no temporary tables, and for every error of the database meanwhile, such
    as no room for so many tables at once; django.db.Error where the connection is lost.
    """
    (path,) = session.query("SELECT pg_catalog.current_schemas(false)::text[]")[0]
    if not path:
        raise DatabaseError(
            N_("The search_path of the database {database!r} names no schema that is there.", database=session.alias)
        )
    rest = "".join(f", {quoted(name)}" for name in path)
    try:
        session.execute(
            f"BEGIN; SET LOCAL search_path = pg_temp{rest}; SET LOCAL temp_tablespaces = ''; "
            "SET LOCAL default_tablespace = ''; CREATE TEMP TABLE medusa_migrations_scratch ();"
        )
        yield Scratch(session, path[0], listener)
    except Error as error:
        if server_error(error).is_lost:
            raise
        raise _explained(session, error) from error
    finally:
        session.rollback()


def _explained(session: Session, error: Error) -> DatabaseError:
    """What the server says, with what to do about it where that is known."""
    found = server_error(error)
    cure = ""
    if found.sqlstate == INSUFFICIENT_PRIVILEGE:
        cure = N_(" To compare, tables are made in the session's temporary schema: give this database user TEMP on it.")
    elif found.sqlstate == OUT_OF_MEMORY:
        cure = N_(" That is the server's room for locks (max_locks_per_transaction). Generate for one app at a time.")
    elif found.sqlstate == UNDEFINED_OBJECT:
        cure = N_(
            " If it is of an extension, or a collation or type, write a migration that creates that first; run it."
        )
    return DatabaseError(
        N_(
            "The models cannot be built in the database {database!r}: {message}.{cure}",
            database=session.alias,
            message=found.message,
            cure=cure,
        )
    )


def build_models(scratch: Scratch, models: Sequence[type[Model]], keys_left_out: Collection[Place]) -> dict[str, Table]:
    """The tables that Django makes of `models`, by name, as PostgreSQL has them then; none of them stays.

    Automatic many-to-many models among them are made together with the model that has the field. Foreign keys that are
    left out are named by table and column.
    """
    found: dict[str, Table] = {}
    own_tables = {model._meta.db_table for model in models}
    roots = [model for model in models if not model._meta.auto_created]
    starts = range(0, len(roots), BATCH)
    for start in working(N_("building the models"), starts, len(roots), scratch.listener, size=BATCH):
        batch = roots[start : start + BATCH]
        through: list[Any] = [field.remote_field.through for model in batch for field in model._meta.local_many_to_many]
        all_models = [*batch, *(model for model in through if model._meta.auto_created)]
        made = {model._meta.db_table for model in all_models}
        with scratch.undone():
            for model in all_models:
                for field in model._meta.local_fields:
                    if has_key(field) and (model._meta.db_table, field.column) not in keys_left_out:
                        _stub(scratch, field, made, own_tables)
            with _editor(scratch.session.connection) as editor:
                for model in batch:
                    editor.create_model(model)
                editor.deferred_sql = [one for one in editor.deferred_sql if not _makes_key(one, keys_left_out)]
            scratch.execute([" ".join(editor.collected_sql)])
            found |= scratch.read(made & own_tables)
    return found


def editor_class(installed: type[BaseDatabaseSchemaEditor]) -> type[BaseDatabaseSchemaEditor]:
    """Django's own class under the schema editor of an engine, which may be another package's or have been patched.

    What such a package adds, as triggers and waits for locks, is in no catalog that is compared.
    """
    return next(one for one in installed.__mro__ if one.__module__.startswith("django."))


def _editor(connection: BaseDatabaseWrapper) -> BaseDatabaseSchemaEditor:
    """Django's schema editor, collecting SQL. By itself it would take a % in a comment for a placeholder."""
    editor = editor_class(connection.SchemaEditorClass)(connection, atomic=False, collect_sql=True)
    execute = editor.execute

    def without_placeholders(sql: Any, params: Any = ()) -> None:
        execute(sql, None if str(sql).startswith("COMMENT ON ") else params)

    editor.execute = without_placeholders  # type: ignore[method-assign]  # on this one editor
    return editor


def _makes_key(statement: Any, keys: Collection[Place]) -> bool:
    """Whether a statement of the editor's makes one of the foreign keys, named by table and column."""
    parts = getattr(statement, "parts", {})
    return "to_table" in parts and any((parts["table"].table, column) in keys for column in parts["column"].columns)


def _stub(scratch: Scratch, field: Any, made: set[str], own_tables: set[str]) -> None:
    """Make a table for a foreign key to refer to, unless it is there or is one of those `made` with the models."""
    table = field.remote_field.model._meta.db_table
    if table in made or scratch.exists(table) or (table not in own_tables and scratch.copy_live(table)):
        return
    target: Any = field.target_field
    column = quoted(target.column)
    while target.remote_field:
        target = target.target_field
    type_ = target.rel_db_type(scratch.session.connection)
    scratch.execute([f"CREATE TEMP TABLE {quoted(table)} ({column} {type_} UNIQUE)"])


def copy_tables(scratch: Scratch, tables: Tables, known: Tables, others: Tables) -> None:
    """Make `tables` by the statements that create them, and stubs of what they and `others` refer to besides.

    A stub has the columns that are referred to, with the types that they have in `known`. Of a table that is not there
    it is like the live one, and if there is none the columns are of the types of those that refer to them.
    """
    keys: dict[str, set[tuple[str, ...]]] = {}
    types: dict[Place, str] = {}
    for table in (*tables.values(), *others.values()):
        for constraint in table.constraints.values():
            if constraint.ref_table is not None and constraint.ref_table not in {*tables, *others}:
                keys.setdefault(constraint.ref_table, set()).add(constraint.ref_columns)
                for own, column in zip(constraint.columns, constraint.ref_columns, strict=True):
                    types[constraint.ref_table, column] = table.columns[own].type if own in table.columns else "bigint"
    for name, columns in keys.items():
        if scratch.exists(name) or (name not in known and scratch.copy_live(name)):
            continue
        parts = [
            f"{quoted(column)} {known[name].columns[column].type if name in known else types[name, column]}"
            for column in sorted({column for key in columns for column in key})
        ]
        parts += [f"UNIQUE ({', '.join(map(quoted, key))})" for key in sorted(columns)]
        scratch.execute([f"CREATE TEMP TABLE {quoted(name)} ({', '.join(parts)})"])
    statements = list(create_tables(tables))
    scratch.change(working(N_("copying the tables"), statements, len(statements), scratch.listener))
    for number, table in enumerate(tables.values()):
        if table.partitioned:  # what a change does is seen in a partition alone
            all_rows = "FOR VALUES WITH (MODULUS 1, REMAINDER 0)" if table.partitioned.startswith("HASH") else "DEFAULT"
            name = f"medusa_migrations_partition_{number}"
            scratch.execute([f"CREATE TEMP TABLE {name} PARTITION OF {quoted(table.name)} {all_rows}"])
