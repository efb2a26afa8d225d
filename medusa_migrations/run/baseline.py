"""A baseline where its tables are there: it is compared with them, and recorded instead of run, or refused."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from medusa_migrations.database.session import Session
from medusa_migrations.database.shapes import Found, there
from medusa_migrations.errors import FileError, PlanError
from medusa_migrations.events import Remarked
from medusa_migrations.messages import N_, joined
from medusa_migrations.migration import Direction, Migration, MigrationId
from medusa_migrations.plan.alike import differences
from medusa_migrations.plan.known import Known
from medusa_migrations.plan.steps import Step
from medusa_migrations.sql.scanner import split
from medusa_migrations.sql.shaping import RELATIONS, Name, Shaping, shaping, sql_name

from .failure import StatementFailed
from .shared import Run
from .task import Script, Task, read_script
from .throwaway import Seen, Sent, compare

# What they make cannot be told, or they take something away.
_UNTOLD = {"CALL", "DO", "DROP"}


class _Group:
    """What the pending baselines of one app say together: one of them may close circles of the others."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.ids = [step.id for step in steps]
        self.statements = [one for step in steps for one in _statements(read_script(step))]

    @functools.cached_property
    def tables(self) -> list[Name]:
        """The names of the tables and the like that they make."""
        return [one.name for one in self._shapings if one.is_made and one.kind in RELATIONS and one.name]

    @functools.cached_property
    def changed(self) -> list[Name]:
        """The names of the tables that they change and do not make."""
        return self._foreign(
            name
            for one in self._shapings
            for name in (*one.on, *([] if one.is_made or one.kind not in RELATIONS else [one.name]))
        )

    @functools.cached_property
    def foreign(self) -> list[Name]:
        """Those, and the names of the tables that foreign keys refer to."""
        refers = self._foreign(name for one in self._shapings for name in one.refers if len(name) == 1)
        return list(dict.fromkeys([*self.changed, *refers]))

    @property
    def extensions(self) -> list[str]:
        return [one.name[-1] for one in self._shapings if one.kind == "EXTENSION" and one.name]

    @property
    def looked_for(self) -> list[Name]:
        """The names that tell whether what they make is there."""
        return self.tables or self.changed

    def to_send(self) -> list[Sent]:
        """The statements that make or change something, and the settings of those.

        Raises FileError for one that would reach what is there, or of which nobody can tell what it makes.
        """
        for one in self.statements:
            if problem := self._problem(one):
                raise FileError(
                    problem,
                    one.script.place(one.statement.start),
                    N_(
                        "Its tables are there, so it has to be compared with them, in a schema of its own: that cannot "
                        "be. Nothing was run. Write it otherwise, or record it as it is with {command}",
                        command=_fake(self.ids[-1]),
                    ),
                )
        return [one for one in self.statements if _is_sent(one)]

    def _problem(self, sent: Sent) -> str | None:
        words, shaping = sent.statement.words, sent.shaping
        if words[0] in _UNTOLD:
            return N_("a baseline only makes things, and what {word} does cannot be told beforehand", word=words[0])
        if words[0] == "SET" and not {"SEARCH_PATH", "SCHEMA"}.isdisjoint(words[1:3]):
            return N_("this sets another search_path")
        if shaping is None or shaping.kind == "EXTENSION":
            return None
        named = next((name for name in (shaping.name, *shaping.on) if len(name) > 1), None)
        if named:
            return N_("this names the schema {schema!r}", schema=named[0])
        is_own = shaping.is_made or shaping.kind not in ("DOMAIN", "TYPE") or shaping.name[-1:] in self._made
        name = sql_name(shaping.name)
        return None if is_own else N_("this changes {name}, which the baseline does not make", name=name)

    @property
    def _shapings(self) -> Iterator[Shaping]:
        return (one.shaping for one in self.statements if one.shaping)

    @functools.cached_property
    def _made(self) -> set[Name]:
        return {one.name[-1:] for one in self._shapings if one.is_made}

    def _foreign(self, names: Iterable[Name]) -> list[Name]:
        return [name for name in dict.fromkeys(names) if name and name[-1:] not in self._made]


def with_recorded(tasks: Sequence[Task], run: Run, known: Known) -> list[Task]:
    """`tasks`, of which the baselines whose tables are there are only to be recorded. Nothing is changed.

    Raises PlanError, for all apps at once, or FileError for a baseline of whose tables some are there, or different
    ones, and for one that cannot be compared; django.db.Error, StopRequested.
    """
    labels = {task.id.app for task in tasks if task.step.is_baseline}
    pending = [Step(one.id, Direction.UP, one, one.up) for one in known.pending() if one.id not in known.rows]
    groups = _groups(step for step in pending if step.id.app in labels and not _is_begun(step.id.app, known))
    found = _there(groups, run.session)
    recorded: set[MigrationId] = set()
    refused: list[str] = []
    for group in groups:
        try:
            recorded |= {*group.ids} if _is_to_be_recorded(group, found, run) else set()
        except PlanError as error:
            refused.append(error.args[0])
    if refused:
        raise PlanError(joined("\n", refused))
    return [_recorded(task) if task.id in recorded else task for task in tasks]


def may_be_recorded(steps: Iterable[Step], session: Session) -> set[MigrationId]:
    """Which of `steps` are baselines of whose tables some are there; whether those are alike is seen in a run.

    Raises django.db.Error.
    """
    groups = _groups(steps)
    found = _there(groups, session)
    return {id_ for group in groups if _has_any(group, found) for id_ in group.ids}


def _groups(steps: Iterable[Step]) -> list[_Group]:
    by_app: dict[str, list[Step]] = {}
    for step in steps:
        if step.is_baseline:
            by_app.setdefault(step.id.app, []).append(step)
    return [_Group(found) for found in by_app.values()]


def _there(groups: Sequence[_Group], session: Session) -> dict[Name, Found]:
    names = {sql_name(name): name for group in groups for name in group.tables or group.foreign}
    return {names[written]: found for written, found in (there(session, names) if names else {}).items()}


def _is_begun(app: str, known: Known) -> bool:
    """Whether a baseline of an app was begun without a transaction: it goes on."""
    mine: Iterable[Migration] = (one for one in known.migrations if one.id.app == app and one.baseline)
    return any(one.id in known.rows and not known.is_applied(one.id) for one in mine)


def _statements(script: Script) -> Iterator[Sent]:
    for statement in split(script.sql):
        yield Sent(script, statement, shaping(script.sql[statement.start : statement.end]))


def _is_sent(sent: Sent) -> bool:
    if sent.shaping is None:
        return sent.statement.words[0] == "SET"
    return sent.shaping.kind != "EXTENSION"


def _has_any(group: _Group, found: Mapping[Name, Found]) -> bool:
    """Whether there is something to compare.

    Of tables that are only changed, all have to be there for that, with those that their new foreign keys refer to.
    """
    if group.tables:
        return any(name in found for name in group.tables)
    return bool(group.changed) and all(name in found for name in group.foreign)


def _is_to_be_recorded(group: _Group, found: Mapping[Name, Found], run: Run) -> bool:
    """Whether what `group` makes is there, all of it and alike; False if nothing is. Raises as `with_recorded`."""
    mine = (name for name, one in found.items() if one.is_behind and name in group.looked_for)
    behind = next((name for name in mine if len(name) == 1), None)
    if behind:
        if run.history.place.schema == found[behind].first:  # a tenant, with tables of its own
            return False
        raise PlanError(_is_elsewhere(group, behind, found[behind]))
    if not _has_any(group, found):
        return False
    seen = _compared(group, run)
    unmatched = seen.unmatched
    if not group.tables and len(unmatched.file) == seen.made:
        return False
    if unmatched.file or unmatched.live:
        raise PlanError(_is_different(group, differences(unmatched.file, unmatched.live)))
    if unmatched.renamed:
        run.tell(Remarked(_is_renamed(group.ids[0].app, unmatched.renamed)))
    return True


def _compared(group: _Group, run: Run) -> Seen:
    statements, stubs = group.to_send(), [sql_name(name) for name in group.foreign]
    seen: list[Seen] = []
    try:
        run.retries.run(
            lambda: seen.append(compare(run, statements, stubs, group.extensions)),
            group.ids[0],
        )
    except StatementFailed as failed:
        lines = joined("\n", failed.facts())
        raise PlanError(
            N_(
                "{ids}: its tables are there, so it was made in a schema of its own, to compare the two, and that "
                "failed: {lines}\nNothing was run, and nothing of it is left. {cure}",
                ids=_listed(group),
                lines=lines,
                cure=_cures(group),
            )
        ) from None
    except PlanError as error:
        raise PlanError(
            N_(
                "{ids}: {error}, or record it as it is with {command}",
                ids=_listed(group),
                error=error.args[0],
                command=_fake(group.ids[-1]),
            )
        ) from None
    return seen[-1]


def _recorded(task: Task) -> Task:
    """Without a down part in the history, by which a revert would drop what was there before, once its file is gone."""
    script = Script(task.id, "", str(task.id), ())
    return task._replace(script=script, transactional=True, fake=True, down=None, was_there=True)


def _is_different(group: _Group, found: Sequence[str]) -> str:
    lines = joined("\n  ", ["", *found])
    return N_(
        "{ids}: a baseline is recorded where its tables are there, all of them and as it makes them. Here that is not "
        "so, and nothing was run:{lines}\n{cure}",
        ids=_listed(group),
        lines=lines,
        cure=_cures(group),
    )


def _cures(group: _Group) -> str:
    return N_(
        "Make the tables what the file says, or, where no database has recorded it, the file what they are. If that "
        "may stay as it is, record it with {command}",
        command=_fake(group.ids[-1]),
    )


def _is_elsewhere(group: _Group, name: Name, found: Found) -> str:
    return N_(
        "{ids}: {name} is in the schema {schema!r}, and would be made in {first!r}, which comes before that in "
        "search_path. Nothing was run. Put the schema of the tables first; or, if this database is to have others in "
        "{first!r}, have their history there too, with HISTORY_SCHEMA.",
        ids=_listed(group),
        name=name[0],
        schema=found.schema,
        first=found.first,
    )


def _is_renamed(app: str, count: int) -> str:
    if count == 1:
        return N_(
            "1 constraint or index has another name in {app} here than in the file, and is the same else. "
            "makemigration {app} --generate --rename-constraints makes the names equal.",
            app=app,
        )
    return N_(
        "{count} constraints and indexes have other names in {app} here than in the file, and are the same else. "
        "makemigration {app} --generate --rename-constraints makes the names equal.",
        count=count,
        app=app,
    )


def _listed(group: _Group) -> str:
    return ", ".join(map(str, group.ids))


def _fake(last: MigrationId) -> str:
    return f"migrations_run {last.app} --fake --to {last}"
