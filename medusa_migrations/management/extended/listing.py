"""The SQL migrations between the lines of showmigrations."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple, Self

from django.apps import apps
from django.core.management.base import OutputWrapper
from django.core.management.color import Style
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from medusa_migrations.database.lock import LockHolder
from medusa_migrations.database.show import look
from medusa_migrations.management.console import MARKS, REMARKS, RERUN_MARK, RERUN_REMARK, printable
from medusa_migrations.messages import N_
from medusa_migrations.migration import Key, Migration, MigrationId, State
from medusa_migrations.plan.known import Known, in_order, state_of
from medusa_migrations.run.combined import combined_order

# A line of --plan.
_PLANNED = re.compile(r"\[.\]  (\w+)\.(\S+)")

# What Django says of an app without any of its own.
_NOTHING = " (no migrations)"


class Line(NamedTuple):
    """A line that a command writes, and in which colour."""

    text: str
    style: Callable[[str], str] | None = None
    ending: str | None = None


class Lines(OutputWrapper):
    """Takes the place of a command's stdout, and keeps what it would write in `lines`."""

    def __init__(self) -> None:
        super().__init__(StringIO())
        self.lines: list[Line] = []

    def write(  # type: ignore[override]  # as Django's own
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        self.lines.append(Line(msg, style_func, ending))


class Listing(NamedTuple):
    """The SQL migrations of the database `alias`: those of the apps `labels`, of all if there are none."""

    alias: str
    known: Known
    holder: LockHolder | None
    labels: Collection[str]
    verbosity: int
    style: Style

    @classmethod
    def of(cls, options: Mapping[str, Any], style: Style) -> Self:
        """As the options of showmigrations ask for. Raises MigrationError for what cannot be read."""
        alias = options["database"]
        return cls(alias, *look(alias), options["app_label"], options["verbosity"], style)

    def by_app(self, lines: Sequence[Line]) -> list[Line]:
        """The `lines` of --list, with those of SQL migrations under the headings of their apps."""
        mine: dict[str, list[Line]] = {}
        for id_ in in_order(self.known):
            if not self.labels or id_.app in self.labels:
                mine.setdefault(id_.app, []).append(Line(self._listed(id_)))
        return merged(lines, mine, apps.app_configs, self.style.MIGRATE_LABEL)

    def planned(self, lines: Sequence[Line], whole: Sequence[Line]) -> list[Line]:
        """The `lines` of --plan in one order with those of SQL migrations, and what of `whole` these come after.

        Raises PlanError for a dependency on a migration of Django's that is not there.
        """
        migrations = self.known.migrations
        chosen = [one.id for one in migrations if one.id.app in self.labels] if self.labels else None
        loader = MigrationLoader(connections[self.alias])
        loader.applied_migrations = {}  # all have their places, also those that are applied
        order = combined_order(loader, list(_keyed(lines)), migrations, chosen)
        found: dict[Key, Line] = _keyed(whole) | {one.id: Line(self._planned(one)) for one in migrations}
        return [found[key] for key in order if key in found] or list(lines)

    def _state(self, id_: MigrationId) -> State:
        holder = self.holder
        running = holder.mark.under_way(self.known.rows) if holder and holder.mark else None
        return state_of(id_, self.known, locked=holder is not None, running=running)

    def _listed(self, id_: MigrationId) -> str:
        state, row = self._state(id_), self.known.rows.get(id_)
        remarks = [REMARKS[state]] if state in REMARKS else []
        remarks += [RERUN_REMARK] if row and state == "pending" else []
        if row and row.state == "applied" and row.applied_at and self.verbosity > 1:
            remarks.append(N_("applied at {moment:%Y-%m-%d %H:%M:%S}", moment=row.applied_at))
        return f" {self._mark(id_)} {printable(id_.name)}" + (f" ({', '.join(remarks)})" if remarks else "")

    def _planned(self, migration: Migration) -> str:
        depends = f" ... ({', '.join(sorted(migration.depends))})" if migration.depends and self.verbosity > 1 else ""
        return f"{self._mark(migration.id)}  {migration.id}{depends}"

    def _mark(self, id_: MigrationId) -> str:
        state = self._state(id_)
        return RERUN_MARK if state == "pending" and id_ in self.known.rows else MARKS[state]


def merged(
    lines: Sequence[Line],
    mine: Mapping[str, Sequence[Line]],
    labels: Collection[str],
    heading: Callable[[str], str] | None = None,
) -> list[Line]:
    """`lines` with those of `mine`, by app, behind each app's own; an app without a heading gets one in their order.

    A heading is a line that is one of `labels`. That an app has no migrations is left out where it has some.
    """
    blocks: list[tuple[str, list[Line]]] = [("", [])]
    for line in lines:
        if line.text in labels:
            blocks.append((line.text, []))
        blocks[-1][1].append(line)
    for label in sorted(mine.keys() - {label for label, _ in blocks}):
        place = next((at for at, (other, _) in enumerate(blocks) if other > label), len(blocks))
        blocks.insert(place, (label, [Line(label, heading)]))
    return [
        line
        for label, own in blocks
        for line in (*(one for one in own if label not in mine or one.text != _NOTHING), *mine.get(label, ()))
    ]


def _keyed(lines: Sequence[Line]) -> dict[Key, Line]:
    """The lines of --plan by what they are of."""
    return {(found[1], found[2]): line for line in lines if (found := _PLANNED.match(line.text))}
