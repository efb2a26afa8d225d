"""What to do where a migration fails as the database has another name, or a table that is to be made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from datetime import datetime, timedelta

from django.apps import apps

from medusa_migrations.database.destination import Destination, alias_of, options_for
from medusa_migrations.database.postgresql import DUPLICATE_TABLE, UNDEFINED_OBJECT, ServerError
from medusa_migrations.files.owned import owned
from medusa_migrations.files.sources import is_installed_package
from medusa_migrations.messages import N_
from medusa_migrations.migration import TIMESTAMP_FORMAT
from medusa_migrations.sql.names import folded, without_escapes
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.tokens import tokens

from .task import Script

# The server's own functions that look for a constraint, and the one that looks for whatever is dropped.
_FIND_CONSTRAINT = {
    "ATExecDropConstraint",
    "ATExecAlterConstraint",
    "ATExecValidateConstraint",
    "get_relation_constraint_oid",
}
_FIND_DROPPED = "DropErrorMsgNonExistent"


def cure(script: Script, error: ServerError, names: Set[str], where: Destination, *, of_all: bool) -> str:
    """What to do about an error of an up part that quotes `names`, empty if that is not known here.

    `of_all` tells that the run has rolled back other migrations with it.
    """
    if script.id.is_repeatable:
        return ""
    if error.sqlstate == DUPLICATE_TABLE and not of_all and not names.isdisjoint(_tables_made(script)):
        return N_(
            "That table is there. If this migration describes what is there, record it as applied: migrations_run "
            "--fake --to {id}{options}.",
            id=script.id,
            options=options_for(where),
        )
    if error.sqlstate == UNDEFINED_OBJECT and _is_of_models(script, error, names):
        alias = options_for(alias_of(where))
        app, before = script.id.app, datetime.strptime(script.id.timestamp, TIMESTAMP_FORMAT) - timedelta(seconds=1)
        return N_(
            "Names that Django or PostgreSQL made up depend on how a table came about, and this database may have "
            "another. With the code from before this migration, makemigration {app} --generate --rename-constraints "
            "--timestamp {timestamp}{alias} writes one that runs before it and gives the names of the models.",
            app=app,
            timestamp=before.strftime(TIMESTAMP_FORMAT),
            alias=alias,
        )
    return ""


def _tables_made(script: Script) -> Iterator[str]:
    """The names, without schemas, of the tables that a part makes; none of one in Python."""
    for statement in () if script.source.endswith(".py") else split(script.sql):
        written = without_escapes(tokens(script.sql[statement.start : statement.end]))
        words = [token.upper() for token in written]
        if words[0] == "CREATE" and "TABLE" in words[:4]:
            name, *more = written[words.index("TABLE") + 1 :]
            yield folded(more[1] if more[:1] == ["."] else name)


def _is_of_models(script: Script, error: ServerError, names: Set[str]) -> bool:
    """Whether what is missing is a constraint of a model's table, or an index, of an app that can be generated."""
    app = apps.app_configs.get(script.id.app)
    if app is None or is_installed_package(app) or app.label not in owned([app.label]):
        return False
    tables = {model._meta.db_table for model in app.get_models(include_auto_created=True)}
    if error.function in _FIND_CONSTRAINT:
        return not names.isdisjoint(tables)
    is_index = re.search(r"\bDROP\s+INDEX\b", script.sql, re.IGNORECASE) is not None
    return error.function == _FIND_DROPPED and is_index and bool(tables)
