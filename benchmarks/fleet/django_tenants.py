"""django-tenants beside a fleet: the same schemas with as many migrations, and nothing to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec

from ..peers.base import missing_package
from ..peers.django import Django
from ..tools.measure import Command, measure
from ..tools.sql import write
from .goal import Goal, ratio, taken_in_turn
from .site import Site, names

_MODELS = """\
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin


class Client(TenantMixin):
    pass


class Domain(DomainMixin):
    pass
"""

_SETTINGS = """
DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
SHARED_APPS, TENANT_APPS = ["django_tenants", "django.contrib.contenttypes", "customers"], ["app"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL, TENANT_DOMAIN_MODEL = "customers.Client", "customers.Domain"
"""


def noop(site: Site, count: int, rounds: int) -> Iterator[Goal]:
    """Nothing if the package is not installed, which is told on stderr."""
    if missing := find_spec("django_tenants") is None and missing_package("django_tenants"):
        print(f"django-tenants is left out: it needs {missing}", file=sys.stderr)
        return
    ours = site.with_schemas(count)
    site.applying(site.run(ours), ours, count)
    work = {"run": site.run(ours), "django-tenants": _prepared(site, count)}
    what = f"no-op, {count} tenants, whole processes"
    results = taken_in_turn(what, {name: partial(measure, command) for name, command in work.items()}, rounds)
    yield ratio(what, results, "django-tenants", 0.25)


def _prepared(site: Site, count: int) -> Command:
    """What migrates all tenants, of which none needs it."""
    folder = site.folder / "django-tenants"
    Django().write(folder, site.count)
    write(folder / "settings.py", (folder / "settings.py").read_text() + _SETTINGS)
    write(folder / "customers/__init__.py", "")
    write(folder / "customers/models.py", _MODELS)
    address = site.with_schemas(count)

    def manage(*arguments: str) -> Command:
        return Command((sys.executable, "manage.py", *arguments, "-v0"), folder, address.environment())

    measure(manage("makemigrations", "customers"))
    measure(manage("migrate_schemas", "--shared"))
    rows = ", ".join(f"('{name}')" for name in names(count))
    site.server.execute(f"INSERT INTO customers_client (schema_name) VALUES {rows}", address.database)
    migrate = manage("migrate_schemas", "--executor", "multiprocessing")
    site.applying(migrate, address, count)
    return migrate
