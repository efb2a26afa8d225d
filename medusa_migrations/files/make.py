"""A new migration file: its name, its timestamp, its text."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.apps import AppConfig, apps

from medusa_migrations.errors import MigrationError, no_app
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import TIMESTAMP_FORMAT, MigrationId, has_timestamp, name_problem, timestamp_problem
from medusa_migrations.results import MadeFile

from . import linear, sqlfile
from .order import ahead_warning
from .sources import is_installed_package, source_files, source_folder


def make(
    app_label: str,
    name: str,
    *,
    timestamp: str | None = None,
    dry_run: bool = False,
    text: str | None = None,
    python: bool = False,
) -> MadeFile:
    """Write a migration `name` for an app, and give what was written; with `dry_run` write nothing.

    `timestamp` is YYYYMMDDHHMMSS in UTC, by default now, or behind the latest that is there. With `python` it is one in
    Python. `text` is the file's, by default that of an empty migration.

    Raises MigrationError for an unknown or installed app, a bad name or timestamp, and a file that is there already.
    """
    app = own_app(app_label)
    there = [file.id for file in source_files() if has_timestamp(file.id.name)]
    id_ = MigrationId(app.label, f"{timestamp or next_timestamp(there, datetime.now(UTC))}_{slug(name)}")
    problem = (timestamp_problem(timestamp) if timestamp is not None else None) or name_problem(id_.name)
    if problem:
        raise MigrationError(joined("", [problem, "."]))
    file = f"{id_.name}.{'py' if python else 'sql'}"
    made = MadeFile(id_, source_folder(app) / file, text or _template(name, python), tuple(_warnings(id_, there)))
    if id_ in there:
        raise MigrationError(
            N_("{id} is there already; nothing was written. Choose another name or --timestamp.", id=id_)
        )
    is_in_line = linear.is_linear(app)
    if is_in_line:
        _refuse_wrong_line(app, there)
    if not dry_run:
        _write(made.path, made.text)
        if is_in_line:
            _write_line(app, [*there, id_])
    return made


def _template(name: str, python: bool) -> str:
    """The text of an empty migration."""
    if not python:
        return sqlfile.TEMPLATE
    from .pyfile import TEMPLATE  # it brings the migration API along

    return TEMPLATE.format(title=slug(name).replace("_", " ").capitalize())


def own_app(app_label: str) -> AppConfig:
    """The app with that label. Raises MigrationError if there is none, or if it is not the project's to write to."""
    labels = {app.label: app for app in apps.get_app_configs()}
    if app_label not in labels:
        by_name = {app.name: app.label for app in labels.values()}
        is_name = app_label in by_name
        hint = N_(" Did you mean {known!r}?", known=by_name[app_label]) if is_name else ""
        raise no_app(app_label, labels, hint)
    app = labels[app_label]
    if is_installed_package(app):
        own = sorted(label for label, one in labels.items() if not is_installed_package(one))
        raise MigrationError(
            N_(
                "The app {app!r} is installed from a package, or outside the project ({path}): what is written there "
                "would be lost with the next update. Put the migration into an app of your own ({apps}), and let it "
                "depend on the package's migrations.",
                app=app_label,
                path=app.path,
                apps=", ".join(own) or N_("there is none yet"),
            )
        )
    return app


def slug(name: str) -> str:
    """The slug for a name: `PostCreate`, `post_create` and "post create" all give `post_create`.

    Raises MigrationError for a name without Latin letters or digits.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", ascii_name)
    found = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    if not found:
        raise MigrationError(N_("{name!r} has no Latin letters or digits to name a file with.", name=name))
    return found


def next_timestamp(there: Iterable[MigrationId], now: datetime) -> str:
    """The timestamp of `now`, or a second after the latest in `there`. Raises MigrationError if none can come after."""
    latest = max(there, key=lambda id_: id_.timestamp, default=None)
    stamp = now.strftime(TIMESTAMP_FORMAT)
    if latest is None or latest.timestamp < stamp:
        return stamp
    try:
        after = datetime.strptime(latest.timestamp, TIMESTAMP_FORMAT).replace(tzinfo=UTC) + timedelta(seconds=1)
    except OverflowError:
        raise MigrationError(
            N_("No timestamp comes after that of {id}. Rename it, or use --timestamp.", id=latest)
        ) from None
    return after.strftime(TIMESTAMP_FORMAT)


def _warnings(id_: MigrationId, there: Iterable[MigrationId]) -> Iterable[str]:
    later = [other for other in there if other.sort_key > id_.sort_key]
    if later:
        yield N_(
            "{id} sorts before {count} that are there: where those are applied, it runs out of order.",
            id=id_,
            count=len(later),
        )
    ahead = ahead_warning([id_], datetime.now(UTC))
    if ahead:
        yield ahead


def _refuse_wrong_line(app: AppConfig, there: Iterable[MigrationId]) -> None:
    """Raise FileError where the app's max_migration.txt is there and wrong: a new name would hide that."""
    if linear.path_of(app).exists() and (problem := linear.problem_of(app, there)):
        raise problem


def _write_line(app: AppConfig, ids: Iterable[MigrationId]) -> None:
    try:
        linear.write(app, ids)
    except OSError as error:
        raise MigrationError(
            N_(
                "Cannot write {path}: {reason}. The migration is written. Give this process the right to write there, "
                "and write the name of the newest migration into that file.",
                path=linear.path_of(app),
                reason=error.strerror,
            )
        ) from None


def _write(path: Path, text: str) -> None:
    try:
        with contextlib.suppress(FileExistsError):  # a file in the folder's place is told by the next line
            path.parent.mkdir()
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise MigrationError(
            N_("{path} is there already; it is left as it is. Choose another name or --timestamp.", path=path)
        ) from None
    except OSError as error:
        raise MigrationError(
            N_(
                "Cannot write {path}: {reason}. Give this process the right to write there.",
                path=path,
                reason=error.strerror,
            )
        ) from None
