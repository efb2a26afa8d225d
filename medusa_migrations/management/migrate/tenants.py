"""Engines with a schema for each tenant, as django-tenants has one: fleets run SQL migrations there, `migrate` none."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper

from medusa_migrations import conf
from medusa_migrations.errors import PlanError
from medusa_migrations.files.owned import sql_labels
from medusa_migrations.messages import N_

# What to do with an app of tenants that no fleet runs.
CURE = N_(
    "Take the app out of TENANT_APPS, give it Django migrations, or have a fleet run it in each tenant's schema: name "
    "it in APPS of one of FLEETS."
)

# What django-tenants runs for each schema; by default Django's own command.
SETTING = "TENANT_BASE_MIGRATE_COMMAND"
HOOK = "medusa_migrations.management.migrate.command.Command"


def is_left_to_django(connection: BaseDatabaseWrapper) -> bool:
    """Whether a connection is set to the schema of a tenant, where fleets run what there is of SQL migrations.

    Raises PlanError if it is, and there are some that no fleet runs.
    """
    from medusa_migrations.database.connect import shared_schema, tenant_schema  # a check imports this file

    schema = tenant_schema(connection)
    if schema is None:
        return False
    found = sorted(
        label
        for label in (sql_labels() - in_fleets()) & apps.app_configs.keys()
        if router.allow_migrate(connection.alias, label)
    )
    if found:
        raise PlanError(
            N_(
                "{apps}: SQL migrations run in the schema {shared!r} alone, so {schema!r} would be "
                "left without. Nothing was done in {schema!r}. {cure}",
                apps=", ".join(found),
                shared=shared_schema(),
                schema=schema,
                cure=CURE,
            )
        )
    return True


def in_fleets() -> set[str]:
    """The labels of the apps that a fleet says that it runs."""
    return {label for fleet in conf.get_settings().fleets.values() for label in fleet.apps or ()}


def is_hooked() -> bool:
    """Whether the command that migrates all schemas runs this app's for each of them."""
    return getattr(settings, SETTING, None) == HOOK


def of_tenants(app: AppConfig) -> bool:
    """Whether an app is listed among those of tenants, as django-tenants lists them."""
    from medusa_migrations.database.connect import shared_schema

    public = shared_schema()
    types = getattr(settings, "TENANT_TYPES", {}).items()
    listed = {
        *getattr(settings, "TENANT_APPS", ()),
        *(one for name, of in types if name != public for one in of["APPS"]),
    }
    return not listed.isdisjoint({app.name, f"{type(app).__module__}.{type(app).__qualname__}"})
