"""The JSON documents of the commands, written by the code that writes them, of made-up results with every field."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from medusa_migrations.fleet.ledger import Run, Target
from medusa_migrations.fleet.results import FleetPlan, FleetResult, FleetStatus, TargetResult
from medusa_migrations.management import console, documents, fleet_console, lint_formats, proofs, review
from medusa_migrations.management.commands import migrations_import, migrations_rebase
from medusa_migrations.migration import MigrationId
from medusa_migrations.results import (
    BaselineResult,
    BuildResult,
    GenerateResult,
    ImportResult,
    LintResult,
    LogResult,
    MadeFile,
    RebaseResult,
    RepairResult,
    ReviewResult,
    RunResult,
    ShowResult,
    VerifyResult,
    WaitResult,
)

T = TypeVar("T")

# The values of fields by their names; of others, by their types.
VALUES: dict[str, Any] = {
    "action": "applied",
    "app": "blog",
    "applied_by": "deploy",
    "apps": ("blog",),
    "attribute": "columns",
    "changes": ("Create table blog_author",),
    "checksum": "9d7c…",
    "code": "index-build",
    "column": 35,
    "cure": "migrations_repair --accept-changes blog.20230801075818_add_authors_and_posts",
    "database": "default",
    "duration_ms": 12,
    "file": "blog/sql_migrations/20230801075818_add_authors_and_posts.sql",
    "fleet": "tenants",
    "instead": "CREATE INDEX CONCURRENTLY blog_post_title ON blog_post (title);",
    "kind": "table",
    "line": 3,
    "lock": "SHARE",
    "loses": ("table blog_author",),
    "drops": ("table blog_author",),
    "message": 'column "titel" does not exist',
    "name": "acme",
    "object": "public.blog_author",
    "path": Path("blog/sql_migrations/20230801075818_add_authors_and_posts.sql").absolute(),
    "dist_dir": Path("dist/migrations").absolute(),
    "process": "web-1:412",
    "release": "v42",
    "script": None,
    "server_version": "18.1",
    "since": "origin/main",
    "source": "db/migrations",
    "sql": "CREATE TABLE blog_author (id bigint PRIMARY KEY);",
    "sqlstate": "42703",
    "state": "failed",
    "statement": "CREATE INDEX blog_post_title ON blog_post (title)",
    "tables": ("blog_post",),
    "target": None,
    "tool": "dbmate",
    "told": "",
}
BY_TYPE: dict[Any, Any] = {
    bool: False,
    int: 1,
    str: "…",
    float: 1.5,
    datetime: datetime(2026, 11, 28, 14, 2, 11, tzinfo=UTC),
    MigrationId: MigrationId("blog", "20230801075818_add_authors_and_posts"),
}


def example(of: type[T], **known: Any) -> T:
    """A value of a NamedTuple with something in every field."""
    hints = typing.get_type_hints(of)
    return of(**{name: known.get(name, _value(hints[name], name)) for name in of._fields})  # type: ignore[attr-defined]  # a NamedTuple's


def _value(of: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if name in VALUES and of is not MigrationId and (origin is not typing.Literal or VALUES[name] in arguments):
        fits = VALUES[name] is not None or type(None) in arguments
        if fits and not (origin is tuple and not isinstance(VALUES[name], tuple)):
            return VALUES[name]
    if origin is typing.Literal:
        return arguments[0]
    if origin in (typing.Union, types.UnionType):
        return _value(arguments[0], name)
    if origin is tuple:
        return (_value(arguments[0], name),)
    if isinstance(of, type) and issubclass(of, enum.Enum):
        return next(iter(of))
    if of in BY_TYPE:
        return BY_TYPE[of]
    if isinstance(of, type) and hasattr(of, "_fields"):
        return example(of)
    return {} if origin is dict else Path(f"blog/{name}").absolute() if of is Path else "…"


def choices(of: Any) -> dict[str, tuple[str, ...]]:
    """The values of each field that has few, in a NamedTuple and in those that are in it."""
    if of is MigrationId:
        return {}
    if not hasattr(of, "_fields"):
        return {name: found for one in typing.get_args(of) for name, found in choices(one).items()}
    found: dict[str, tuple[str, ...]] = {}
    for name, hint in typing.get_type_hints(of).items():
        for one in (hint, *typing.get_args(hint)):
            if typing.get_origin(one) is typing.Literal:
                found[name] = typing.get_args(one)
            elif isinstance(one, type) and issubclass(one, enum.Enum):
                found[name] = tuple(one)
        found |= choices(hint)
    return found


_FAILED = example(TargetResult, state="failed")

# By the name that a page asks for: what the document is of, and what writes it.
DOCUMENTS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "makemigration": (MadeFile, lambda made: documents.made_json(made, with_text=True)),
    "generate": (GenerateResult, lambda made: documents.generated_json(made, with_text=True, listed=True)),
    "baseline": (BaselineResult, lambda made: documents.baseline_json(made, with_text=True)),
    "migrations_build": (BuildResult, documents.build_json),
    "migrations_run": (RunResult, console.run_json),
    "migrations_show": (ShowResult, console.show_json),
    "log": (LogResult, console.log_json),
    "migrations_wait": (WaitResult, console.wait_json),
    "migrations_repair": (RepairResult, documents.repair_json),
    "migrations_verify": (VerifyResult, proofs.verify_json),
    "migrations_lint": (LintResult, lint_formats.lint_json),
    "migrations_sql": (ReviewResult, review.review_json),
    "migrations_rebase": (RebaseResult, migrations_rebase._json),
    "migrations_import": (ImportResult, migrations_import._json),
    "fleet_status": (FleetStatus, lambda status: fleet_console.status_json(status, every=True)),
    "fleet_plan": (FleetPlan, fleet_console.plan_json),
    "fleet_run": (
        FleetResult,
        lambda result: fleet_console.fleet_json(result._replace(targets=(_FAILED,)), every=True),
    ),
    "fleet_runs": (Run, lambda run: fleet_console.ledger_json((run,))),
    "fleet_show": (Run, lambda run: fleet_console.ledger_json((run,), (example(Target),))),
}


def document(name: str) -> str:
    """A document as Markdown: an example with every member, and the values of those that have few."""
    of, write = DOCUMENTS[name]
    text = json.dumps(json.loads(write(example(of))), indent=2, ensure_ascii=False)
    few = {member: found for member, found in choices(of).items() if f'"{member}":' in text}
    told = "\n".join(
        f"- `{member}` is one of {', '.join(f'`{one}`' for one in found)}." for member, found in few.items()
    )
    return f"```json\n{text}\n```\n\n{told}\n"
