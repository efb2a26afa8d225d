"""Judges work that takes its time while others wait for the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from medusa_migrations.messages import N_, Message

from .facts import Facts, TableFacts
from .found import Context, Found, is_emptied, lock_of, shown, unique
from .instead.indexes import index_build
from .instead.rewrites import rewrite, vacuum
from .instead.scans import scan
from .locks import in_words, waits
from .whole import full_vacuum
from .wording import listed, their


def judge_work(context: Context) -> list[Found]:
    """The findings of what a statement does to whole tables, in the catalog's words or in its own."""
    return [*_joined(context, [*_rewrites(context), *_builds(context), *_scans(context)]), *_vacuums(context)]


class _Work(NamedTuple):
    """Work on one table, for which `blocked` waits; `message` is to be filled, `others` are locked for it too."""

    code: str
    table: TableFacts
    message: Message
    blocked: str
    instead: str
    others: tuple[str, ...] = ()


def _rewrites(context: Context) -> Iterator[_Work]:
    for table in context.facts.tables:
        if table.is_rewritten and not is_emptied(table, context) and (blocked := _blocks(table, context.words)):
            message = N_("{action} writes {tables} anew, indexes included, while {their} {blocked} wait")
            yield _Work("rewrite", table, message, blocked, rewrite(table, context.facts, context.sql))


def _builds(context: Context) -> Iterator[_Work]:
    for table in context.facts.tables:
        if _is_built(table) and not table.is_rewritten and (blocked := _blocks(table, context.words)):
            if sum(index.is_built for index in table.indexes) == 1:
                message = N_("{action} builds an index on {tables} while {their} {blocked} wait")
            else:
                message = N_("{action} builds indexes on {tables} while {their} {blocked} wait")
            yield _Work("index-build", table, message, blocked, index_build(table, context.facts, context.sql))


def _is_built(table: TableFacts) -> bool:
    return any(index.is_built for index in table.indexes)


def _scans(context: Context) -> Iterator[_Work]:
    for table in context.facts.tables:
        if _is_scanned(table, context.facts) and (blocked := _blocks(table, context.words)):
            message = N_("{action} reads all of {tables} while {their} {blocked} wait")
            others = tuple(sorted(_referred_to(table) - {table.name}))
            yield _Work("scan", table, message, blocked, scan(table, context.facts, context.sql), others)


def _is_scanned(table: TableFacts, facts: Facts) -> bool:
    """Whether reading all of the table is what the statement takes its time for."""
    if table.is_rewritten or _is_built(table) or _fails(table):
        return False
    if _referred_to(table):
        return _checks_key(table, facts)
    return table.is_read and not table.is_referred_to and not _is_explained(table, facts)


def _referred_to(table: TableFacts) -> set[str]:
    return {key.other for key in table.constraints if key.kind == "f"}


def _checks_key(table: TableFacts, facts: Facts) -> bool:
    """Whether a foreign key of the table was checked: the server reads each of the two in order or by an index."""
    pair = {table.name} | _referred_to(table)
    return any(one.is_read or one.is_searched for one in facts.tables if one.name in pair)


def _is_explained(table: TableFacts, facts: Facts) -> bool:
    """Whether the table was read for a foreign key of another, which stands for both."""
    return any(table.name in _referred_to(one) for one in facts.tables)


def _fails(table: TableFacts) -> bool:
    """Whether the statement would have failed if the table had a row."""
    return any(change.column.is_required and not change.column.is_filled for change in table.changed("added"))


def _blocks(table: TableFacts, words: Sequence[str]) -> str:
    """What waits while the statement itself works on the table: "" for nothing.

    A statement that takes no lock anew may still need the one that was there, save for those that never need it.
    """
    found = waits(table.taken if table.taken or _is_weak(words) else table.held)
    if table.kind == "materialized view" and found == "writes":
        return ""  # which nobody writes but REFRESH
    return found and waits(lock_of(table))


_ROWS = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "COPY", "TABLE"}


def _is_weak(words: Sequence[str]) -> bool:
    """Whether the statement by its nature takes a lock that lets others read and write."""
    return words[0] in _ROWS or "VALIDATE" in words


def works_on(table: TableFacts, facts: Facts) -> bool:
    """Whether the statement takes its time for this table, whoever waits."""
    return table.is_rewritten or _is_built(table) or _is_scanned(table, facts)


def _joined(context: Context, work: Iterable[_Work]) -> Iterator[Found]:
    """One finding for all tables to which the same happens."""
    groups: dict[tuple[str, str, Message, str], list[_Work]] = {}
    for one in work:
        groups.setdefault((one.code, lock_of(one.table), one.message, one.blocked), []).append(one)
    for (code, lock, message, blocked), group in groups.items():
        others = (other for one in group for other in one.others)
        named = unique([*(shown(one.table, context.facts) for one in group), *others])
        tables = unique([*named, *(name for one in group for name in (one.table.name, one.table.root) if name)])
        text = message.filled(action=context.action, tables=listed(named), their=their(named), blocked=blocked)
        yield Found(code, tables, in_words(lock), text, _united([one.instead for one in group]))


def _united(texts: Iterable[str]) -> str:
    return "\n".join(dict.fromkeys(text for text in texts if text))


def _vacuums(context: Context) -> Iterator[Found]:
    """VACUUM FULL, which no transaction holds, by its words."""
    full = full_vacuum(context.sql) if context.words[0] == "VACUUM" else None
    if full is not None:
        tables = listed(full) if full else N_("each table")
        message = N_("VACUUM FULL writes {tables} anew while reads and writes of it wait", tables=tables)
        yield Found("rewrite", tuple(full), in_words("AccessExclusiveLock"), message, vacuum(full))
