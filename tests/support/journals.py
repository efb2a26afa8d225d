"""The journal of a project's database, and what follows from it."""

from __future__ import annotations

from tests.support.projects import Project


def entries(project: Project) -> list[tuple[str, str]]:
    """(action, id) of every entry, the earliest first; nothing without a journal."""
    if project.sql("SELECT to_regclass('medusa_migrations_log')") == [(None,)]:
        return []
    return project.sql("SELECT action, app || '.' || name FROM medusa_migrations_log ORDER BY id")


def applied_by_journal(project: Project) -> set[str]:
    """What is applied if every entry is believed, failures aside."""
    applied: set[str] = set()
    if not entries(project):
        return applied
    for action, id_, message in project.sql(
        "SELECT action, app || '.' || name, message FROM medusa_migrations_log WHERE action <> 'failed' ORDER BY id"
    ):
        match action, message:
            case "renamed", _:
                applied.discard(message.removeprefix("was "))
                applied.add(id_)
            case ("reverted", _) | ("faked", "reverted: only the history was changed") | (_, "marked as reverted"):
                applied.discard(id_)
            case ("applied" | "faked", _) | (_, "marked as applied"):
                applied.add(id_)
    return applied
