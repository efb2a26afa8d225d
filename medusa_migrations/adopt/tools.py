"""The tools whose migrations can be imported, by their names, and whose a folder is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medusa_migrations.errors import MigrationError, PlanError, nearest
from medusa_migrations.messages import N_

from . import dbmate, flyway, golang_migrate, goose, typeorm
from .draft import Text
from .tool import Tool

TOOLS: Mapping[str, Tool] = {
    module.TOOL.name: module.TOOL for module in (dbmate, flyway, golang_migrate, goose, typeorm)
}

# Whose migrations are no texts that could be read alone: see django/.
DJANGO = "django"

NAMES = (*TOOLS, DJANGO)


def tool_named(name: str) -> Tool:
    """The tool whose files are texts. Raises PlanError for one that is not known."""
    if name not in TOOLS:
        raise PlanError(
            N_(
                "There is no import from {name!r}, only from {known}.{hint}",
                name=name,
                known=", ".join(NAMES),
                hint=nearest(name, NAMES),
            )
        )
    return TOOLS[name]


def refuse_others(tool: Tool, texts: Sequence[Text]) -> None:
    """Raise MigrationError for a folder that has files of another tool, and no more of this one's than that."""
    for text in texts:
        other = None if tool.is_own(text) else _owner(text)
        if other:
            raise MigrationError(
                N_(
                    "{path} is a migration of {other}, not of {tool}. Nothing was imported. Import it with "
                    "migrations_import {other}, and where the folder has files of both, put each kind into its own.",
                    path=text.path,
                    other=other.name,
                    tool=tool.name,
                )
            )


def _owner(text: Text) -> Tool | None:
    """Whose file it is; those that tell by its content are asked first."""
    by_content = sorted(TOOLS.values(), key=lambda tool: tool.name not in ("goose", "dbmate"))
    return next((tool for tool in by_content if tool.is_own(text)), None)
