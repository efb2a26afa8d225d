"""What `makemigration --baseline` takes, and what it says to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medusa_migrations.conf import shown_path
from medusa_migrations.errors import PlanError
from medusa_migrations.files.owned import taken_over
from medusa_migrations.messages import N_
from medusa_migrations.results import BaselineResult

from .console import plural, printable

_OTHERS = ("generate", "python", "check", "rename", "drop_tables", "online", "rename_constraints")


def apps_of(options: Mapping[str, Any]) -> list[str]:
    """The labels that the command line names. Raises PlanError for options that go with something else."""
    for name in _OTHERS:
        if options[name]:
            raise PlanError(
                N_(
                    "--{option} and --baseline cannot go together: a baseline is what is live, in SQL. "
                    "Leave one of them out.",
                    option=name.replace("_", "-"),
                )
            )
    return list(dict.fromkeys(options["words"]))


def refuse_without(options: Mapping[str, Any]) -> None:
    """Raise PlanError for what goes with a baseline alone."""
    if options["scratch"] is not None:
        raise PlanError(N_("--scratch goes with --baseline only."))


def to_look_at(result: BaselineResult) -> Iterator[str]:
    """What is not as it may be meant, and where something is to be changed."""
    yield from (N_("Warning: {warning}", warning=printable(warning)) for warning in result.warnings)
    yield from (f"{place.file}:{place.line}: {printable(place.message)}" for place in result.references)


def next_steps(result: BaselineResult) -> Iterator[str]:
    """What was recorded, and what to do now, in its order."""
    if result.dry_run:
        return
    yield N_(
        "Recorded {migrations} as applied in the database {database!r}",
        migrations=plural(len(result.recorded)),
        database=result.database,
    )
    if result.references:
        yield N_("Next: change the places that are named above")
    then = N_("Then") if result.references else N_("Next")
    if result.to_delete:
        over = [app for app in result.apps if app in taken_over()]
        setting = N_(" take {apps} out of SQL_SINCE,", apps=" and ".join(over)) if over else ""
        folders = " and ".join(map(shown_path, result.to_delete))
        yield N_(
            "{then}: delete {folders}, all at once,{setting} and run migrations_build",
            then=then,
            folders=folders,
            setting=setting,
        )
    else:
        yield N_("{then}: migrations_build", then=then)
    yield N_(
        "Other databases: migrations_run records it where these tables are there, and makes them where they are not"
    )
