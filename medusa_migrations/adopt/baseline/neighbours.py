"""The migrations of other apps, of both kinds: what of theirs a baseline comes after, and where they name its apps."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

from medusa_migrations.conf import shown_path
from medusa_migrations.errors import PlanError
from medusa_migrations.files.dist import read_part, read_text
from medusa_migrations.files.owned import django_migrations
from medusa_migrations.files.sqlfile import depends_places
from medusa_migrations.messages import N_
from medusa_migrations.migration import Key, Migration, django_dependencies
from medusa_migrations.results import ImportPlace
from medusa_migrations.run.prerequisites import in_database
from medusa_migrations.sql.makes import made_names
from medusa_migrations.sql.names import folded, without_escapes
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.tokens import ScanError, tokens

# Behind CREATE, before the kind of what is made; and the kinds, by the words for them.
_BEFORE_KIND = {"CREATE", "OR", "REPLACE", "MATERIALIZED", "RECURSIVE", "UNLOGGED"}
_KINDS = {
    "EXTENSION": "extension",
    "COLLATION": "collation",
    "TYPE": "type",
    "DOMAIN": "type",
    "FUNCTION": "function",
    "PROCEDURE": "procedure",
    "SEQUENCE": "sequence",
    "VIEW": "view",
}


class Neighbours:
    """What apps besides `labels` have; `migrations` are all SQL migrations, in their order."""

    def __init__(self, labels: Collection[str], migrations: Sequence[Migration], loader: MigrationLoader) -> None:
        self.labels, self.loader = labels, loader
        self.migrations = migrations
        self.sql = [one for one in migrations if one.id.app not in labels and not one.is_repeatable]
        models = (model._meta for model in apps.get_models(include_auto_created=True))
        self._models = {model.db_table: model for model in models if not model.proxy}

    def before(self, table: str, by: str) -> str:
        """The id of the migration after which another app's `table` is there, which `by` refers to.

        Raises PlanError if there is none.
        """
        model = self._models.get(table)
        if model is None:
            raise PlanError(
                N_(
                    "{by} refers to {table}, which no model has, so that no migration is known to make it. Nothing "
                    "was written. Drop that foreign key, or give the table a model in one of the apps.",
                    by=by,
                    table=table,
                )
            )
        label, name = model.app_label, str(model.model_name)
        latest = next((str(one.id) for one in reversed(self.sql) if one.id.app == label), None)
        if latest is None and not self.loader.graph.leaf_nodes(label):
            raise PlanError(
                N_(
                    "{by} refers to {table} of the app {app!r}, which has migrations of neither kind. Nothing was "
                    "written. Name that app too: makemigration {apps} --baseline",
                    by=by,
                    table=table,
                    app=label,
                    apps=" ".join([*self.labels, label]),
                )
            )
        return latest or ".".join(self._of_django(label, name, by))

    def _of_django(self, label: str, model: str, by: str) -> Key:
        """The latest of an app's Django migrations that needs none of the baseline's apps, and has the model."""
        found = [key for leaf in self.loader.graph.leaf_nodes(label) for key in self.loader.graph.forwards_plan(leaf)]
        free = [key for key in dict.fromkeys(found) if key[0] == label and self._is_free(key)]
        if not free or (label, model) not in self.loader.project_state(free[-1]).models:
            raise PlanError(
                N_(
                    "{by} refers to {app}.{model}, whose Django migrations come after those of {labels}: each would "
                    "have to be first. Nothing was written. Name that app too: makemigration {apps} --baseline",
                    by=by,
                    app=label,
                    model=model,
                    labels=", ".join(sorted(self.labels)),
                    apps=" ".join([*self.labels, label]),
                )
            )
        found_key: Key = free[-1]
        return found_key

    def _is_free(self, key: Key) -> bool:
        return not any(label in self.labels for label, _ in self.loader.graph.forwards_plan(key))

    def makers(self) -> Mapping[tuple[str, str], str]:
        """Who makes something that is no table, by its kind and name: the first migration, of either kind."""
        found: dict[tuple[str, str], str] = {}
        for key, migration in sorted(self.loader.graph.nodes.items()):
            if key[0] not in self.labels and self._is_free(key):
                for operation in in_database(migration.operations):
                    for made in _made_by(operation):
                        found.setdefault(made, ".".join(key))
        for one in self.sql:
            for made in () if one.is_python else _made(read_part(one, one.up)):
                found.setdefault(made, str(one.id))
        return found

    def references(self) -> Iterator[ImportPlace]:
        """Where migrations name one of Django's of these apps, which will not be there, with what to write."""
        yield from self._of_django_migrations()
        for one in self.migrations:
            named = {_written(*key) for key in django_dependencies(one) if key[0] in self.labels}
            text = read_text(one) if named else ""
            lines = depends_places(text, one.source) if named and not one.is_python else ()
            places = {argument: text.count("\n", 0, at) + 1 for at, _, argument in lines}
            for argument in sorted(named):
                message = N_("depends on {id}: write the id of the baseline of that app", id=argument)
                yield ImportPlace(one.source, places.get(argument, 1), message)

    def also_made(self, names: Collection[str]) -> Iterator[tuple[Migration, str]]:
        """The repeatable migrations that make something of these `names` too, and its name."""
        for one in self.migrations:
            if one.is_repeatable:
                yield from ((one, name) for name in sorted(made_names(read_part(one, one.up)) & set(names)))

    def _of_django_migrations(self) -> Iterator[ImportPlace]:
        for key, migration in sorted(self.loader.disk_migrations.items()):
            named = {
                (label, name)
                for label, name in (*migration.dependencies, *migration.run_before)
                if label in self.labels and name != "__first__"
            }
            if key[0] in self.labels or not named:
                continue
            file = sys.modules[type(migration).__module__].__file__ or ""
            lines = _lines(Path(file))
            for label, name in sorted(named):
                line = lines.get((label, name), 1)
                yield ImportPlace(
                    shown_path(Path(file)),
                    line,
                    N_('("{app}", "{name}"): write ("{app}", "__first__")', app=label, name=name),
                )


def django_folder(label: str) -> Path | None:
    """The folder of an app's Django migrations, None if it has none."""
    module, _ = MigrationLoader.migrations_module(label)
    if module is None or django_migrations(label) is None:
        return None
    spec = find_spec(module)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def _written(label: str, name: str | None) -> str:
    return label if name is None else f"{label}.{name}"


def _made_by(operation: Any) -> Iterator[tuple[str, str]]:
    """What one of Django's operations makes besides tables; to import those of PostgreSQL asks for its driver."""
    names = {one.__name__ for one in type(operation).__mro__}
    for name, kind in (("CreateExtension", "extension"), ("CreateCollation", "collation")):
        if name in names:
            yield kind, operation.name
    if isinstance(operation, RunSQL):
        parts = [operation.sql] if isinstance(operation.sql, str) else operation.sql
        for part in parts:
            yield from _made(part if isinstance(part, str) else part[0])


def _made(sql: str) -> list[tuple[str, str]]:
    """What the CREATE statements of an SQL text make besides tables, by kind and name."""
    with contextlib.suppress(ScanError):
        statements = [tokens(sql[one.start : one.end]) for one in split(sql) if one.words[0] == "CREATE"]
        return [made for written in statements for made in _created(without_escapes(written))]
    return []


def _created(written: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = [token.upper() for token in written]
    at = next((at for at, word in enumerate(words) if word not in _BEFORE_KIND), len(words))
    kind, at = _KINDS.get("".join(words[at : at + 1])), at + 1
    if kind is None:
        return
    at += 3 if words[at : at + 3] == ["IF", "NOT", "EXISTS"] else 0
    at += 2 if words[at + 1 : at + 2] == ["."] else 0
    yield from ((kind, folded(name)) for name in written[at : at + 1])


def _lines(file: Path) -> dict[Key, int]:
    """The lines of a Python file that have a pair of two texts."""
    return {
        (first.value, second.value): node.lineno
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Tuple) and len(node.elts) == 2
        for first, second in [node.elts]
        if isinstance(first, ast.Constant) and isinstance(second, ast.Constant)
        if isinstance(first.value, str) and isinstance(second.value, str)
    }
