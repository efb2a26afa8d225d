"""A Django project with one app: what the peers that are Django's share."""

from __future__ import annotations

from pathlib import Path

from ..tools.sql import write

APP = "app"

_MANAGE = """\
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

# The server's address is in libpq's variables.
_SETTINGS = """\
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = "benchmark"
USE_TZ = True
INSTALLED_APPS = {apps!r}
DATABASES = {{
    "default": {{"ENGINE": "django.db.backends.postgresql", "NAME": os.environ.get("PGDATABASE", "postgres")}}
}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

# The least that a command does which asks the database anything: settings, apps, and one query.
BARE = """\
from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    requires_system_checks = []

    def handle(self, **options):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
"""


def write_project(folder: Path, *apps: str, more: str = "") -> None:
    """manage.py, settings with `apps` and APP that end with `more`, and an empty APP."""
    write(folder / "manage.py", _MANAGE)
    write(folder / "settings.py", _SETTINGS.format(apps=[*apps, APP]) + more)
    write(folder / APP / "__init__.py", "")


def write_bare_command(app: Path) -> None:
    """Give an app the command `bare`."""
    write(app / "management/commands/bare.py", BARE)
