"""What there is to run: the build, made anew where that is wanted, or the sources themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.apps import apps

from medusa_migrations import conf
from medusa_migrations.errors import DistError, FileError
from medusa_migrations.events import Built, Listener, ignore
from medusa_migrations.migration import Migration
from medusa_migrations.results import BuildResult

from . import dist, sources


def build(*, check: bool = False) -> BuildResult:
    """Collect the migrations of all installed apps into dist; with `check` only compare, and write nothing.

    Raises BuildError for files that cannot be used, OrderError for their dependencies, DistError for the folder.
    """
    dist_dir = conf.get_settings().dist_dir
    before = _last_build(dist_dir)
    migrations, warnings = from_sources(before)
    is_current = True
    if check:
        is_current = dist.is_current(dist_dir, migrations)
    else:
        dist.write(dist_dir, migrations)
    known = {migration.id: migration.hash for migration in before}
    return BuildResult(
        dist_dir,
        built=tuple(migration.id for migration in migrations),
        new=tuple(migration.id for migration in migrations if migration.id not in known),
        changed=tuple(one.id for one in migrations if known.get(one.id, one.hash) != one.hash),
        warnings=warnings,
        is_current=is_current,
    )


def to_run(
    *, only_plan: bool = False, build_first: bool | None = None, listener: Listener = ignore
) -> tuple[Migration, ...]:
    """What there is to run, in its order: from the sources for a mere plan, else from dist, built first or not.

    In tests a plan is always of the sources. Raises what `build` raises, and DistError if nothing is built.
    """
    settings = conf.get_settings()
    if build_first is None:
        build_first = settings.auto_build or (only_plan and conf.is_testing())
    if build_first:
        if only_plan:
            return from_sources()[0]
        listener(Built(build()))
    built = dist.load(settings.dist_dir)
    if built is None and sources.source_files():
        raise DistError(
            f"Nothing is built: there is no {conf.shown_path(settings.dist_dir / dist.MANIFEST)}. "
            "Run migrations_build, or migrations_run --build."
        )
    return built or ()


def from_sources(known: Sequence[Migration] = ()) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
    """The sources in their order, and what to warn of; `known` need no second look if they are unchanged.

    Raises BuildError, OrderError.
    """
    from .order import ahead_warning, ordered  # a run that has nothing to do loads what is in order

    found = sources.collect({(migration.id, migration.hash): migration for migration in known})
    ahead = ahead_warning([migration.id for migration in found.migrations], datetime.now(UTC))
    return ordered(found.migrations, app_labels()), (*found.warnings, *([ahead] if ahead else []))


def unbuilt(migrations: Sequence[Migration]) -> tuple[str, ...]:
    """What to say of sources that are not among `migrations`, the build; no file is read, and no folder need be."""
    known = {migration.id for migration in migrations}
    try:
        new = [str(file.id) for file in sources.source_files() if file.id not in known]
    except FileError:
        return ()
    if not new:
        return ()
    return (f"Not built, so not run: {', '.join(new)}. Run migrations_build, or migrations_run --build.",)


def app_labels() -> list[str]:
    """The labels of the installed apps."""
    return [app.label for app in apps.get_app_configs()]


def _last_build(dist_dir: Path) -> tuple[Migration, ...]:
    """What was built last; nothing if that is not to be read, because a build mends it."""
    try:
        return dist.load(dist_dir) or ()
    except DistError:
        return ()
