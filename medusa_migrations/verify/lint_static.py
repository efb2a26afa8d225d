"""Lint without a database: what squawk sees in the files, without what their comments allow."""

from __future__ import annotations

from collections.abc import Mapping

from medusa_migrations.errors import no_app
from medusa_migrations.files import dist
from medusa_migrations.files.build import app_labels, from_sources
from medusa_migrations.lint.allowed import codes_of, lets_pass, on_lines_above
from medusa_migrations.lint.static import static
from medusa_migrations.migration import Direction, Migration, MigrationId
from medusa_migrations.results import LintFinding, LintResult

from . import cache
from .app import skipped_of


def lint_static(app: str | None, *, all: bool, down: bool, database: str) -> LintResult:
    """As `medusa_migrations.api.lint` with `static`: of what is not proven yet, or with `all` of each.

    Raises PlanError for an app that there is not, LintError without squawk.
    """
    if app is not None and app not in app_labels():
        raise no_app(app, app_labels())
    migrations = from_sources()[0]
    skipped = skipped_of(migrations)
    proven = cache.load(cache.section(database, with_rows=False)).known
    chosen = {
        one.id: one
        for one in migrations
        if app in (None, one.id.app) and one.id not in skipped and (all or _is_new(one, proven))
    }
    found = static(list(chosen.values()))
    return LintResult(
        database,
        tuple(one for one in found if (down or one.part is Direction.UP) and not _is_allowed(one, chosen[one.id])),
    )


def _is_new(migration: Migration, proven: Mapping[MigrationId, cache.Known]) -> bool:
    return migration.id not in proven or proven[migration.id].file != migration.hash


def _is_allowed(finding: LintFinding, migration: Migration) -> bool:
    texts = [*on_lines_above(dist.read_text(migration), finding.line), *codes_of(migration.allow)]
    return any(lets_pass(text, finding.code, finding.tables) for text in texts)
