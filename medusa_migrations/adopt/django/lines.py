"""Where in a migration's file its operations stand, read from its text."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.db.migrations import Migration as DjangoMigration
from django.db.migrations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from medusa_migrations.conf import shown_path
from medusa_migrations.results import ImportPlace


class Lines:
    """The file of a migration, as messages cite it, and the line of each of its operations."""

    def __init__(self, migration: DjangoMigration) -> None:
        file = Path(sys.modules[type(migration).__module__].__file__ or "")
        self.path = shown_path(file)
        self._class = _class_in(file)
        self._operations = dict(self._found(migration.operations, self._assigned("operations")))

    def place(self, message: str, operation: Operation | None = None) -> ImportPlace:
        """A place that a person must look at: that of an operation, or of the migration."""
        return ImportPlace(self.path, self.of(operation), message)

    def of(self, operation: Operation | None) -> int:
        """The line of an operation; where that is not written out, that of the list or the class."""
        nodes = (self._assigned("operations"), self._class)
        return self._operations.get(id(operation)) or next((node.lineno for node in nodes if node), 1)

    def naming(self, name: str) -> int:
        """The line on which the dependencies name a migration."""
        lists = filter(None, map(self._assigned, ("dependencies", "run_before")))
        nodes = (node for one in lists for node in ast.walk(one))
        found = (node.lineno for node in nodes if isinstance(node, ast.Constant) and node.value == name)
        return next(found, self._class.lineno if self._class else 1)

    def _assigned(self, name: str) -> ast.expr | None:
        for node in self._class.body if self._class else ():
            targets: Sequence[ast.expr] = node.targets if isinstance(node, ast.Assign) else ()
            if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in targets):
                return node.value
        return None

    def _found(self, operations: Sequence[Operation], written: ast.expr | None) -> Iterator[tuple[int, int]]:
        """The lines of `operations`, as far as they are `written` one by one."""
        nodes = written.elts if isinstance(written, ast.List) else []
        if len(nodes) != len(operations) or any(isinstance(node, ast.Starred) for node in nodes):
            nodes = []
        for operation, node in zip(operations, nodes, strict=bool(nodes)) if nodes else ():
            yield id(operation), node.lineno
            if isinstance(operation, SeparateDatabaseAndState) and isinstance(node, ast.Call):
                yield from self._found(operation.database_operations, _database_operations(node))


def _class_in(file: Path) -> ast.ClassDef | None:
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError):  # it was imported from something else
        return None
    return next((node for node in body if isinstance(node, ast.ClassDef) and node.name == "Migration"), None)


def _database_operations(call: ast.Call) -> ast.expr | None:
    named = (one.value for one in call.keywords if one.arg == "database_operations")
    return next(named, call.args[0] if call.args else None)
