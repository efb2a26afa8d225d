"""Whether SQL migrations are any concern of a command of Django's."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from medusa_migrations.database.connect import tenant_schema
from medusa_migrations.files.owned import sql_labels


def is_left_to_django(alias: str) -> bool:
    """Whether there are none, or none go to the database `alias`: no PostgreSQL, or set to the schema of a tenant.

    Raises DistError if the build cannot be read.
    """
    try:
        connection = connections[alias]
    except (ConnectionDoesNotExist, ImproperlyConfigured):
        return True  # which Django tells
    return connection.vendor != "postgresql" or tenant_schema(connection) is not None or not sql_labels()
