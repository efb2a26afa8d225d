"""Django's own migrate: a linear history of RunSQL operations."""

from __future__ import annotations

import sys
from pathlib import Path

from ..tools.server import Address
from ..tools.sql import down, up, write
from .base import Peer, Verb
from .manage import APP, write_project

_MIGRATION = """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = {dependencies}
    operations = [migrations.RunSQL('''{up}''', reverse_sql='''{down}''')]
"""


class Django(Peer):
    name = "django"

    def missing(self) -> str:
        return ""

    def write(self, folder: Path, count: int) -> None:
        write_project(folder)
        write(folder / APP / "migrations/__init__.py", "")
        for number in range(count):
            before = [(APP, _name(number - 1))] if number else []
            text = _MIGRATION.format(dependencies=before, up=up(number), down=down(number))
            write(folder / APP / f"migrations/{_name(number)}.py", text)

    def arguments(self, verb: Verb, count: int, address: Address) -> list[str]:
        command = {
            Verb.APPLY: ["migrate", "--no-input"],
            Verb.NOOP: ["migrate", "--no-input"],
            Verb.SHOW: ["showmigrations"],
            Verb.REVERT_LAST: ["migrate", APP, _name(count - 2) if count > 1 else "zero"],
            Verb.REVERT_ALL: ["migrate", APP, "zero"],
        }[verb]
        return [sys.executable, "manage.py", *command]


def _name(number: int) -> str:
    return f"m{number:05d}"
