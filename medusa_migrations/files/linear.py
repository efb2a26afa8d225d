"""The file `max_migration.txt` with the name of an app's newest migration, so that two branches that add one conflict.

Which apps have it, the setting LINEAR tells.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from django.apps import AppConfig, apps

from medusa_migrations import conf
from medusa_migrations.errors import FileError, locate
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId, has_timestamp

from .sources import cited_folder, is_installed_package, source_files, source_folder
from .text import decode, put, read

FILE = "max_migration.txt"

# What git writes where both sides have changed a line.
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)


def is_linear(app: AppConfig) -> bool:
    """Whether the setting LINEAR has the app: it names it, or takes all that are the project's own."""
    chosen = conf.get_settings().linear
    if isinstance(chosen, bool):
        return chosen and not is_installed_package(app)
    return app.label in chosen


def path_of(app: AppConfig) -> Path:
    """Where an app's file is, or is to be."""
    return source_folder(app) / FILE


def problems() -> list[FileError]:
    """What is wrong with the files of all apps that LINEAR has."""
    try:
        ids = [file.id for file in source_files()]
    except FileError:  # of a folder, which whoever reads the migrations tells
        return []
    found = [problem_of(app, ids) for app in apps.get_app_configs() if is_linear(app)]
    return [one for one in found if one]


def problem_of(app: AppConfig, ids: Iterable[MigrationId]) -> FileError | None:
    """What is wrong with the file of an app, of whose migrations `ids` are some or all."""
    path = path_of(app)
    cited = f"{cited_folder(app, path.parent)}/{FILE}"
    try:
        text = _text(path, cited)
    except FileError as error:
        return error
    found = problem(app.label, cited, text, [id_.name for id_ in ids if id_.app == app.label])
    if found and is_installed_package(app):
        cure = N_("Take {app!r} out of {settings}['LINEAR'].", app=app.label, settings=conf.NAME)
        return FileError(N_("the app is installed from a package, and does not keep this file"), cited, cure)
    return found


def write(app: AppConfig, ids: Iterable[MigrationId]) -> bool:
    """Have the file of an app name the newest of `ids`, and tell whether that was needed. Raises OSError."""
    path = path_of(app)
    names = [id_.name for id_ in ids if id_.app == app.label and has_timestamp(id_.name)]
    if problem_of(app, ids) is None or not names:
        return False
    put(path, f"{max(names)}\n".encode())
    return True


def problem(label: str, cited: str, text: str | None, names: Collection[str]) -> FileError | None:
    """What is wrong with `text`, that of the file `cited` or None without one; `names` are the app's migrations."""
    names = [name for name in names if has_timestamp(name)]
    newest = max(names, default="")
    if text is None:
        cure = N_("Write into it the name of the newest migration: {newest}", newest=newest)
        return FileError(N_("it is missing"), cited, cure) if names else None
    if not names:
        return FileError(N_("the app has no migration"), cited, N_("Delete it."))
    said = text.strip()
    if said == newest:
        return None
    conflict = _CONFLICT.search(text)
    if conflict:
        return FileError(
            N_("two branches have added a migration, and the file has both"),
            locate(cited, text, conflict.start()),
            N_(
                "Run migrations_rebase {app}: it gives those of this branch new timestamps, and writes the file.",
                app=label,
            ),
        )
    return FileError(
        _wrong(said, newest, names),
        locate(cited, text, 0),
        N_(
            "If a merge has brought it so, run migrations_rebase {app}. Otherwise write into it: {newest}",
            app=label,
            newest=newest,
        ),
    )


def _wrong(said: str, newest: str, names: Collection[str]) -> str:
    if has_timestamp(said):
        if said in names:
            return N_("it names {said}, and the newest migration is {newest}", said=said, newest=newest)
        return N_("it names {said}, which is not there, and the newest migration is {newest}", said=said, newest=newest)
    return N_("it is not one line with the name of the newest migration, {newest}", newest=newest)


def _text(path: Path, cited: str) -> str | None:
    try:
        return decode(read(path), cited)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(
            N_("cannot be read: {reason}", reason=error.strerror),
            cited,
            N_("Put a plain file there that this process may read."),
        ) from None
