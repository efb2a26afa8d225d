"""Makes the build from the sources, and gives what there is to run: the build, or for a plan the sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps

from medusa_migrations import conf
from medusa_migrations.errors import DistError, FileError
from medusa_migrations.events import Built, Listener, ignore
from medusa_migrations.messages import N_
from medusa_migrations.migration import Migration, MigrationId

if TYPE_CHECKING:
    from medusa_migrations.results import BuildResult

from . import dist, sources


def build(*, check: bool = False, release: str | None = None, listener: Listener = ignore) -> BuildResult:
    """Collect the migrations of all installed apps into dist; with `check` only compare the two, and write nothing.

    The build keeps the name of a `release` for the journal of whatever runs it. `listener` is told how far it is, if it
    takes long. Raises SettingsError for one that
    cannot be, BuildError for files that cannot be used, OrderError for their dependencies, DistError for the folder.
    """
    from medusa_migrations.results import BuildResult  # a run that only loads a build does without

    dist_dir = conf.get_settings().dist_dir
    named = None if release is None else conf.checked("release", release)
    before = _last_build(dist_dir)
    migrations, warnings = _collected(listener)
    is_current = True
    if check:
        is_current = dist.is_current(dist_dir, migrations)
    else:
        dist.write(dist_dir, migrations, named, listener)
    known = {migration.id: migration.hash for migration in before}
    there = {migration.id for migration in migrations}
    return BuildResult(
        dist_dir,
        built=tuple(migration.id for migration in migrations),
        new=tuple(migration.id for migration in migrations if migration.id not in known),
        changed=tuple(one.id for one in migrations if known.get(one.id, one.hash) != one.hash),
        warnings=warnings,
        is_current=is_current,
        removed=tuple(id_ for id_ in known if id_ not in there),
    )


def release() -> str:
    """The release that is run: that of the build, else the setting RELEASE, else the environment's; "" if unknown."""
    settings = conf.get_settings()
    return dist.release_of(settings.dist_dir) or settings.release or conf.release_of_environment()


def to_run(
    *, only_plan: bool = False, build_first: bool | None = None, listener: Listener = ignore
) -> tuple[Migration, ...]:
    """What there is to run, in its order, from dist, which is built first if `build_first`, then told to `listener`.

    With `only_plan` the sources stand for a build, and nothing is written. `build_first` is by default the setting
    AUTO_BUILD, or for a plan in tests True. Raises what `build` raises, and DistError if nothing is built.
    """
    settings = conf.get_settings()
    if _is_built_first(build_first, only_plan=only_plan):
        if only_plan:
            return from_sources(listener)[0]
        listener(Built(build(listener=listener)))
    built = dist.load(settings.dist_dir)
    if built is None and sources.source_files():
        raise DistError(
            N_(
                "Nothing is built: there is no {path}. Run migrations_build, or migrations_run --build.",
                path=conf.shown_path(settings.dist_dir / dist.MANIFEST),
            )
        )
    return _after_django(built or ())


def _is_built_first(build_first: bool | None, *, only_plan: bool) -> bool:
    """Whether `to_run` looks at the sources before the build."""
    if build_first is None:
        return conf.get_settings().auto_build or (only_plan and conf.is_testing())
    return build_first


def checksums(*, only_plan: bool = False, build_first: bool | None = None) -> Mapping[MigrationId, str]:
    """The checksum of each of what `to_run` would give for the same, in half the time.

    Empty where that has more to say: it looks at the sources, there is no build, or SQL_SINCE may be wrong. Raises
    DistError if the build cannot be read.
    """
    settings = conf.get_settings()
    if settings.sql_since or _is_built_first(build_first, only_plan=only_plan):
        return {}
    return dist.checksums(settings.dist_dir) or {}


def from_sources(listener: Listener = ignore) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
    """The sources in their order, as `to_run` gives a build, and what to warn of. Raises what `build` raises."""
    migrations, warnings = _collected(listener)
    return _after_django(migrations), warnings


def _after_django(migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """`migrations`, those of an app that SQL_SINCE names with the dependency that they have without a line."""
    if not conf.get_settings().sql_since:
        return migrations
    from .past import after_past  # most projects do without

    return after_past(migrations)


def _collected(listener: Listener) -> tuple[tuple[Migration, ...], tuple[str, ...]]:
    """The sources in their order, as their files have them, and what to warn of.

    A file that is as it was at the last build is not parsed again: that build has accepted it.
    Raises BuildError for files that cannot be used, OrderError for their dependencies.
    """
    from .order import ahead_warning, ordered  # a run that has nothing to do loads what is in order

    known = _last_build(conf.get_settings().dist_dir)
    found = sources.collect({migration.id: migration for migration in known}, _problems_of_lines(), listener)
    ahead = ahead_warning([migration.id for migration in found.migrations], datetime.now(UTC))
    in_order = ordered(found.migrations, app_labels())
    return in_order, (*found.warnings, *([ahead] if ahead else []), *_held_back(in_order))


def are_sources_accepted() -> bool:
    """Whether the last build was made of just these sources, so that a build refuses none of them.

    False also where that cannot be told, as `from_sources` then says. It takes half the time of that.
    """
    try:
        built = dist.made_of(conf.get_settings().dist_dir)
        files = sources.source_files()
        return (
            len(files) == len(built.hashes)
            and built.apps.issubset(app_labels())
            and all(built.hashes.get((str(one.id), one.cited)) == sources.hash_of(one) for one in files)
            and not _problems_of_lines()
        )
    except (OSError, DistError, FileError):
        return False


def unbuilt(built: Iterable[MigrationId]) -> tuple[str, ...]:
    """The warning that names sources which are not among those `built`; empty if all are. No file is read."""
    known = set(built)
    new = [str(id_) for id_ in source_ids() if id_ not in known]
    if not new:
        return ()
    return (N_("Not built, so not run: {ids}. Run migrations_build, or migrations_run --build.", ids=", ".join(new)),)


def source_ids() -> list[MigrationId]:
    """The ids of all sources, built or not; none where a folder cannot be read. No file is read."""
    try:
        return sources.source_ids()
    except OSError:
        return []


def app_labels() -> list[str]:
    """The labels of the installed apps."""
    return [app.label for app in apps.get_app_configs()]


def _problems_of_lines() -> list[FileError]:
    """What is wrong with the files that LINEAR asks for."""
    if not conf.get_settings().linear:
        return []
    from .linear import problems  # most projects do without

    return problems()


def _held_back(migrations: Sequence[Migration]) -> Sequence[str]:
    """The warnings of what is held back only for what it depends on."""
    if all(migration.phase == "before" for migration in migrations):
        return ()
    from .phases import held_back_warnings  # most projects do without

    return tuple(held_back_warnings(migrations))


def _last_build(dist_dir: Path) -> tuple[Migration, ...]:
    """What was built last; empty if that cannot be read, which a build mends."""
    try:
        return dist.load(dist_dir) or ()
    except DistError:
        return ()
