"""The migration file in Python: what its text says, its functions, and the text of a new one."""

from __future__ import annotations

import ast
import contextlib
import difflib
import inspect
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from medusa_migrations.errors import FileError, Location, locate
from medusa_migrations.messages import N_
from medusa_migrations.migration import FEATURE, Allowed, Direction, Part, Phase, is_dependency, whole_checksum
from medusa_migrations.schema.given_sql import sendable
from medusa_migrations.schema.operations import IrreversibleError, Operation, Query, Together
from medusa_migrations.schema.recorder import CannotTellError, Function, Reverse, reverse, without_database

from .repeatable import problem_of_depends

TEMPLATE = '''\
"""{title}.

    from django.db import models

    schema.add_column("blog_post", "slug", models.SlugField(default=""))
    schema.create_index("blog_post", models.Index(fields=["slug"]))
    schema.query("UPDATE blog_post SET slug = lower(title) WHERE title <> %s", ["About"])
"""

from medusa_migrations import Schema


def up(schema: Schema) -> None:
    pass


def down(schema: Schema) -> None:
    pass
'''

# The variables that a file may set; and what people write instead.
_VARIABLES = ("depends", "feature", "transaction", "allow", "phase")
_OF_SQL = {"drops", "keep"}
_MISTAKEN = {"dependencies": "depends", "atomic": "transaction", "transactional": "transaction"}


@dataclass(frozen=True, slots=True)
class PythonFile:
    """What a file says. Both parts are all of its text, because not text is run but its functions."""

    checksum: str
    up: Part
    down: Part | None
    depends: tuple[str, ...]
    feature: str | None
    description: str
    allow: tuple[str, ...] = ()
    phase: Phase = "before"
    keep: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    replace: bool = False
    baseline: bool = False
    warnings: tuple[str, ...] = ()


def parse(text: str, path: str, file: str) -> PythonFile:
    """What the migration file `file` with this `text` (from `text.decode`) says; `path` is for messages.

    The file is imported, and must leave the database alone meanwhile. Raises FileError with the place and the cure.
    """
    return _Parser(text, path, file).parse()


def load(text: str, path: str, file: str, direction: Direction) -> Function:
    """The function `up` or `down` of a file that `parse` has accepted.

    Raises FileError if it cannot be imported now.
    """
    parser = _Parser(text, path, file)
    parser.load()
    return parser.function(direction)


def line_of(error: BaseException, file: str) -> int | None:
    """The line of `file` where `error` was raised, or that called what raised it; None if `file` took no part."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return lines[-1] if lines else None


def at_line(text: str, path: str, line: int | None) -> Location | str:
    """The place of a line of the file `path` with this `text`, or `path` alone if the line is not known."""
    if line is None:
        return path
    offset = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
    return locate(path, text, offset, column=False)


class _Parser:
    """Imports a file, and says what is wrong with it, as FileError."""

    def __init__(self, text: str, path: str, file: str) -> None:
        self.text, self.path, self.file = text, path, file
        self.lines: dict[str, int] = {}
        self.values: dict[str, Any] = {}

    def parse(self) -> PythonFile:
        self.load()
        self.refuse_mistaken()
        self.check(Direction.UP)
        has_down = self.values.get("down") is not None
        if has_down:
            self.check(Direction.DOWN)
        part = Part(0, len(self.text), 1, self.transaction())
        docstring = inspect.cleandoc(self.values.get("__doc__") or "")
        return PythonFile(
            checksum=whole_checksum(self.text),
            up=part,
            down=part if has_down else None,
            depends=self.depends(),
            feature=self.feature(),
            description=docstring.partition("\n\n")[0],
            allow=self.allow(),
            phase=self.phase(),
        )

    def error(self, problem: str, cure: str, line: int | None) -> FileError:
        return FileError(problem, at_line(self.text, self.path, line), cure)

    def load(self) -> None:
        """Import the file, as a module of its own that no other can import."""
        try:
            tree = ast.parse(self.text, self.file)
            code = compile(tree, self.file, "exec", dont_inherit=True)
        except SyntaxError as error:
            offset = sum(len(one) + 1 for one in self.text.split("\n")[: (error.lineno or 1) - 1])
            place = locate(self.path, self.text, offset + max(0, (error.offset or 1) - 1))
            raise FileError(N_("this is no Python: {reason}", reason=error.msg), place, N_("Correct it.")) from None
        except (MemoryError, RecursionError) as error:
            raise FileError(
                N_("Python cannot read this: {error}", error=str(error)), self.path, N_("Nest less deeply.")
            ) from None
        self.lines = dict(_names(tree))
        module = types.ModuleType("medusa_migration_" + re.sub(r"\W", "_", self.path))
        module.__file__, module.__package__ = self.file, ""
        sys.modules[module.__name__] = module  # dataclasses and others look their module up
        with self.imported(), without_database():
            exec(code, module.__dict__)
        # `from django.db import transaction` says nothing of this migration.
        self.values = {name: value for name, value in vars(module).items() if not inspect.ismodule(value)}

    @contextlib.contextmanager
    def imported(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:  # the author's code
            cure = N_("A file is imported when it is built: it should define up and down, and do nothing else.")
            problem = N_("cannot be imported: {kind}: {error}", kind=type(error).__name__, error=str(error))
            raise self.error(problem, cure, line_of(error, self.file)) from error

    def refuse_mistaken(self) -> None:
        if isinstance(self.values.get("baseline"), bool):
            raise self.error(
                N_("a migration in Python is no baseline"),
                N_(
                    "Write it in SQL, with `-- migrate:baseline` in its header: that is what is compared with "
                    "the tables."
                ),
                self.lines.get("baseline"),
            )
        for name, line in self.lines.items():
            if name in _OF_SQL and isinstance(self.values.get(name), list | tuple):
                cure = N_("Take it out: -- migrate:{name} is a line of SQL files.", name=name)
                raise self.error(N_("{name} says nothing to a migration in Python", name=name), cure, line)
            near = difflib.get_close_matches(name, _VARIABLES, n=1, cutoff=0.8)
            meant = _MISTAKEN.get(name) or (near[0] if near and near[0] != name else None)
            if meant:
                raise self.error(
                    N_("{name} says nothing to a migration", name=name),
                    N_("Did you mean {known!r}?", known=meant),
                    line,
                )

    def function(self, direction: Direction) -> Function:
        found: Function = self.values[str(direction)]
        return found

    def check(self, direction: Direction) -> None:
        name = str(direction)
        found, line = self.values.get(name), self.lines.get(name)
        if isinstance(found, Reverse):
            self.check_reverse(found)
            return
        if found is reverse:
            raise self.error(
                N_("{name} is reverse itself", name=name), N_("Write `{name} = reverse(up)`.", name=name), line
            )
        cure = N_("Write `def {name}(schema: Schema) -> None:`.", name=name)
        if not callable(found):
            raise self.error(N_("there is no function {name}", name=name), cure, line)
        problem = _problem(name, found)
        if problem:
            raise self.error(problem, cure, line)

    def check_reverse(self, down: Reverse) -> None:
        try:
            self.check_queries(down.operations())
        except (IrreversibleError, CannotTellError) as error:
            cure = N_("Write a down of its own, without reverse(up), or leave down out: then it is irreversible.")
            raise self.error(N_("reverse(up) is not possible: {error}", error=str(error)), cure, error.line) from None
        except (Exception, SystemExit) as error:  # the author's code
            cure = N_("It is called when it is built, on a schema that writes down what it is asked for.")
            problem = N_(
                "reverse(up) is not possible: up raised {kind}: {error}", kind=type(error).__name__, error=str(error)
            )
            raise self.error(problem, cure, line_of(error, self.file)) from error

    def check_queries(self, operations: Sequence[Operation]) -> None:
        """Refuse a `reverse_sql` that could not be sent."""
        for one in operations:
            if isinstance(one, Together):
                self.check_queries(one.operations)
            elif isinstance(one, Query):
                try:
                    sendable(one.sql, in_transaction=self.transaction() is not False)
                except ValueError as error:
                    raise self.error(
                        N_("reverse_sql: {error}", error=str(error)),
                        N_("It is sent as it is, without params."),
                        one.line,
                    ) from None

    def refuse_value(self, name: str, cure: str) -> NoReturn:
        raise self.error(N_("{name} is {value}", name=name, value=repr(self.values[name])), cure, self.lines.get(name))

    def depends(self) -> tuple[str, ...]:
        found = self.values.get("depends", ())
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) and is_dependency(one) for one in found):
            self.refuse_value(
                "depends",
                N_(
                    "It is a list of ids: 'app.20230701000000_name', or of Django's migrations 'auth.0012_name' or "
                    "'auth'."
                ),
            )
        for one in found:
            problem = problem_of_depends(one, 0, repeatable=False)
            if problem:
                raise self.error(problem.text, problem.cure, self.lines.get("depends"))
        return tuple(dict.fromkeys(found))

    def feature(self) -> str | None:
        found = self.values.get("feature")
        if found is not None and not (isinstance(found, str) and FEATURE.fullmatch(found)):
            self.refuse_value("feature", N_('It is the name of one feature, such as "product_categories".'))
        return found

    def allow(self) -> tuple[str, ...]:
        found = self.values.get("allow", ())
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) and Allowed.parse(one) for one in found):
            self.refuse_value("allow", N_("It is a list such as ['drift extension pg_trgm: another app uses it']."))
        return tuple(dict.fromkeys(found))

    def phase(self) -> Phase:
        found = self.values.get("phase")
        if found not in (None, "after"):
            self.refuse_value(
                "phase", N_('It is "after" for what is to run after the new code is live, or is left out.')
            )
        return "after" if found else "before"

    def transaction(self) -> bool | None:
        found = self.values.get("transaction")
        if not (found is None or isinstance(found, bool)):
            self.refuse_value("transaction", N_("It is False for a migration without a transaction, else True."))
        return found


def _names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What a file defines or sets by itself, each with its line."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Assign):
            yield from ((target.id, node.lineno) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno


def _problem(name: str, function: Callable[..., Any]) -> str | None:
    """What is wrong with a function that is to be called with a schema, or None."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return N_("{name} is async", name=name)
    if inspect.isgeneratorfunction(function):
        return N_("{name} has a yield, so that calling it would do nothing", name=name)
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return N_("{name} does not take one argument, the schema", name=name)
    return None
