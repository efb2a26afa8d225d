"""What the scratch database's server lacks, and what to do about it."""

from __future__ import annotations

import re

from medusa_migrations.database.postgresql import INSUFFICIENT_PRIVILEGE, ServerError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction

_UNDEFINED_OBJECT = "42704"
_UNDEFINED_FILE = "58P01"
_FEATURE_NOT_SUPPORTED = "0A000"

# Where the server and not the migration is at fault: its disk is full, it has no connection left, the statement was
# cancelled, it shuts down, it cannot read its files (manual, appendix A).
_OF_THE_SERVER = ("53100", "53300", "57014", "57P01", "57P02", "57P03", "58030")


def is_of_the_server(error: ServerError) -> bool:
    """Whether nothing can be said of the migration that met this error."""
    return error.is_lost or error.sqlstate in _OF_THE_SERVER


def cure_of_server(error: ServerError, direction: Direction) -> str:
    """What to do where the scratch database lacks what the live one has; empty for other errors."""
    if error.sqlstate == _UNDEFINED_OBJECT and (role := re.search(r'role "(.+?)"', error.message)):
        return N_(
            'The scratch database is on a server without that role. CREATE ROLE "{role}" there: roles belong to the '
            "server, and no migration should make them.",
            role=role[1],
        )
    if "extension" not in error.message or direction is Direction.DOWN:
        return ""
    if error.sqlstate in (_UNDEFINED_FILE, _FEATURE_NOT_SUPPORTED):
        return N_("Install that extension on the server, as the live one has it, or prove on a server that has it.")
    if error.sqlstate == INSUFFICIENT_PRIVILEGE:
        return N_(
            "Only a superuser may make it. Have one make a database with it, and name that for the scratch database: "
            "DATABASES[…]['TEST'] = {'TEMPLATE': 'its_name'}; or prove in an empty one with --scratch NAME."
        )
    return ""
