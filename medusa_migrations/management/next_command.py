"""The class that a command of this app extends, chosen so that other apps may extend the same command."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import find_commands
from django.core.management.base import BaseCommand

from medusa_migrations.messages import N_


def next_command(name: str) -> type[BaseCommand]:
    """The class of the command `name` of the next app behind this one in INSTALLED_APPS that has it, or Django's.

    Raises ImproperlyConfigured if that command extends this app's own.
    """
    names = [app.name for app in apps.get_app_configs()]
    for app in list(apps.get_app_configs())[names.index("medusa_migrations") + 1 :]:
        if name in find_commands(str(Path(app.path) / "management")):
            return _command(app.name, name)
    return _command("django.core", name)


def _command(package: str, name: str) -> type[BaseCommand]:
    try:
        return cast(type[BaseCommand], import_module(f"{package}.management.commands.{name}").Command)
    except ImportError as error:
        if error.name != f"medusa_migrations.management.commands.{name}":
            raise
        raise ImproperlyConfigured(
            N_(
                "The command {name} of {package!r} extends that of 'medusa_migrations', which would extend it in turn. "
                "Put {package!r} above 'medusa_migrations' in INSTALLED_APPS.",
                name=name,
                package=package,
            )
        ) from None
