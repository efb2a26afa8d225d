"""What a proof rests on, as checksums: of each migration with all that runs before it, and of everything at once."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import django
from django.apps import apps
from django.conf import settings
from django.db import router
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.utils.functional import Promise

from medusa_migrations import conf
from medusa_migrations.migration import Key, Migration, MigrationId

# Raised when a proof comes to mean more than it did.
FORMAT = 1


class Surroundings(NamedTuple):
    """What all proofs of a database rest on: the major version of its server, and what the settings say."""

    alias: str
    server: int

    def checksum(self) -> str:
        """The same as long as nothing of it changes."""
        mode = conf.get_settings().transaction == "none"  # the others send each part alike
        return _sum(FORMAT, self.server, django.VERSION[:2], mode, settings.AUTH_USER_MODEL)


def keys(
    order: Sequence[Key],
    by_id: Mapping[Key, Migration],
    surroundings: Surroundings,
    text_of_django: Callable[[Key], bytes],
) -> dict[MigrationId, str]:
    """For each SQL migration in `order`, which has both kinds, the checksum of what its proof rests on.

    That is all of its file, and what the up parts before it do. `text_of_django` gives the file of one of Django's.
    """
    chain = surroundings.checksum()
    found: dict[MigrationId, str] = {}
    for key in order:
        migration = by_id.get(key)
        if migration is None:
            is_let_in = router.allow_migrate(surroundings.alias, key[0])
            chain = _sum(chain, key, hashlib.sha256(text_of_django(key)).hexdigest(), is_let_in)
        else:
            found[migration.id] = _sum(chain, key, migration.hash)
            chain = _sum(chain, key, migration.checksum, migration.up.transaction)
    return found


def of_everything(migrations: Sequence[Migration], surroundings: Surroundings, more: Any) -> str:
    """The checksum of all that the proof of `migrations` and of their apps' models rests on.

    Django's migrations are read and not loaded, which takes long. `more` is what else the proof depends on.
    """
    files = hashlib.sha256()
    for path in _files_of_django():
        files.update(path.read_bytes())
    labels = {migration.id.app for migration in migrations}
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in labels]
    ids = [(migration.id, migration.hash) for migration in migrations]
    let_in = [router.allow_migrate(surroundings.alias, app.label) for app in apps.get_app_configs()]
    said = [_of_model(model) for model in models]
    over = sorted(conf.get_settings().sql_since.items())
    return _sum(surroundings.checksum(), django.VERSION, more, ids, files.hexdigest(), let_in, said, *over)


def _files_of_django() -> Iterator[Path]:
    """The files of all apps' Django migrations, in an order that is always the same."""
    for app in apps.get_app_configs():
        module, _ = MigrationLoader.migrations_module(app.label)
        try:
            spec = find_spec(module) if module else None
        except ModuleNotFoundError:
            continue
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from sorted(Path(folder).glob("*.py"))


def _of_model(model: type[Model]) -> list[Any]:
    """All of a model that its table depends on."""
    options = model._meta
    fields = [_of_field(field) for field in options.local_fields]
    own = [*options.indexes, *options.constraints]
    table = [options.label, options.db_table, options.managed, options.proxy, options.db_table_comment]
    return [*table, _plain(options.unique_together), fields, [_plain(one.deconstruct()) for one in own]]


def _of_field(field: Any) -> list[Any]:
    _, kind, args, options = field.deconstruct()
    of_database = {name: value for name, value in options.items() if name not in field.non_db_attrs}
    return [field.column, kind, _plain(args), _plain(of_database)]


def _plain(value: Any) -> Any:
    """`value` as JSON can write it, the same in every process."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return sorted([str(name), _plain(one)] for name, one in value.items())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(one) for one in value), key=json.dumps)
    if isinstance(value, type) or inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "deconstruct"):
        return [type(value).__qualname__, _plain(value.deconstruct())]
    return [type(value).__qualname__, "" if " at 0x" in repr(value) else repr(value)]


def _sum(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
