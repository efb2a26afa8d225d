"""Types that migrations have made, for Django's own connections."""

from __future__ import annotations

import contextlib

from django.apps import apps
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper


def renew_types(connection: BaseDatabaseWrapper) -> None:
    """Have a connection of Django's know the types of extensions that SQL migrations have made or dropped.

    Those of hstore and citext are asked for when a connection is made, and kept for the process. After an extension was
    made, CreateExtension (django/contrib/postgres/operations.py) does what is done here.
    """
    if not apps.is_installed("django.contrib.postgres"):
        return
    from django.contrib.postgres.signals import get_citext_oids, get_hstore_oids, register_type_handlers

    for cached in (get_hstore_oids, get_citext_oids):
        cached.cache_clear()  # type: ignore[attr-defined]  # the stubs do not know of lru_cache
    if connection.connection is None or connection.needs_rollback:
        return
    with contextlib.suppress(Error):  # one that was lost meanwhile learns of them when it is made anew
        register_type_handlers(connection)
