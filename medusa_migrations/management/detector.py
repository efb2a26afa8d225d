"""Django's autodetector, which leaves apps alone whose tables are SQL's although they have Django migrations."""

from __future__ import annotations

from typing import Any

from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState

from medusa_migrations.files.owned import taken_over
from medusa_migrations.run.after_sql import LATEST


def leaving_alone(theirs: type[MigrationAutodetector]) -> type[MigrationAutodetector]:
    """The class `theirs` of a command, extended for the apps that SQL has taken over."""
    return type("Detector", (_Detector, theirs), {})


class _Detector(MigrationAutodetector):
    """Takes the models of apps that were taken over as they are today for what the migrations have made.

    What other apps' migrations need of such an app is its latest, of both kinds: its Django migrations are over.
    """

    migrations: dict[str, list[Migration]]

    def __init__(
        self, from_state: ProjectState, to_state: ProjectState, questioner: MigrationQuestioner | None = None
    ) -> None:
        super().__init__(_with_today(from_state, to_state), to_state, questioner)

    def _build_migration_list(self, graph: MigrationGraph | None = None) -> None:
        super()._build_migration_list(graph)  # type: ignore[misc]  # not in stubs
        over = taken_over()
        for migration in (one for several in self.migrations.values() for one in several):
            latest = [_latest(one) if one[0] in over else one for one in migration.dependencies]
            migration.dependencies = latest  # type: ignore[misc]  # each has its own, as Django sets it


def _with_today(made: ProjectState, today: ProjectState) -> ProjectState:
    over = taken_over()
    found = made.clone()
    for key in [key for key in found.models if key[0] in over]:
        del found.models[key]
    found.models.update({key: model.clone() for key, model in today.models.items() if key[0] in over})
    return found


def _latest(dependency: Any) -> tuple[str, str]:
    return dependency[0], LATEST
