"""What runserver says of SQL migrations that are pending."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from medusa_migrations.database.connect import open_session
from medusa_migrations.database.history import History, read_known
from medusa_migrations.errors import MigrationError
from medusa_migrations.files.build import to_run
from medusa_migrations.management.console import printable
from medusa_migrations.messages import N_
from medusa_migrations.migration import MigrationId

from .concern import is_left_to_django


def tell_pending(command: BaseCommand) -> None:
    """Tell of what is pending in the default database, as Django does; that it cannot be looked at, in one line."""
    try:
        if is_left_to_django(DEFAULT_DB_ALIAS):
            return
        migrations = to_run(only_plan=True)
        with open_session(DEFAULT_DB_ALIAS) as session:
            pending = read_known(History(session), migrations).pending()
    except MigrationError as error:
        problem = printable(str(error)).partition("\n")[0]
        command.stderr.write(
            N_("The SQL migrations cannot be looked at: {problem}", problem=problem), command.style.WARNING
        )
        return
    for line in notice([migration.id for migration in pending]):
        command.stdout.write(command.style.NOTICE(line))


def notice(pending: Sequence[MigrationId]) -> list[str]:
    """Django's sentences on migrations that are not applied; none if there are none."""
    if not pending:
        return []
    return [
        N_(
            "\nYou have {count} unapplied SQL migration(s). Your project may not work properly until you apply the "
            "migrations for app(s): {apps}.",
            count=len(pending),
            apps=", ".join(sorted({id_.app for id_ in pending})),
        ),
        N_("Run 'python manage.py migrations_run' to apply them."),
    ]
