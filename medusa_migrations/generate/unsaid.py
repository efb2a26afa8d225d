"""What models do not say of their tables, and so stays as the database has it: how keys count up, and partitions."""

from __future__ import annotations

from dataclasses import replace

from .tables import Column, Counter, Table, Tables

_LONGEST_NAME = 63


def with_unsaid(models: Tables, live: Tables) -> dict[str, Table]:
    """The tables of `models`, with what no model says taken from the tables of the same names in `live`."""
    return {name: _table(table, live[name]) if name in live else table for name, table in models.items()}


def _table(model: Table, live: Table) -> Table:
    columns = {
        name: _column(model.name, column, live.columns[name]) if name in live.columns else column
        for name, column in model.columns.items()
    }
    return replace(model, columns=columns, partitioned=live.partitioned)


def _column(table: str, model: Column, live: Column) -> Column:
    """A column that goes on counting as it does, by a sequence that is never made anew.

    The numbers that it gave out, and who may use it, are known to the live sequence alone. So a serial stays a serial
    where the model has an identity, which serves the same end, and of a column that counts no more the sequence stays
    for the day when it counts again.
    """
    if live.sequence is None:
        is_other_way = model.counts_up and live.counts_up
        return replace(model, identity="", sequence=None, default=live.default) if is_other_way else model
    is_for_this = live.sequence.type == live.type or not live.counts_up
    sequence = replace(live.sequence, type=model.type) if is_for_this else live.sequence
    if not model.counts_up:
        return replace(model, sequence=_idle(table, model, live, live.sequence)) if model.generated is None else model
    if live.identity and model.identity:
        return replace(model, sequence=sequence)
    default = live.default if live.counts_up else sequence.next_value
    return replace(model, identity=live.identity, default=None if live.identity else default, sequence=sequence)


def _idle(table: str, model: Column, live: Column, sequence: Counter) -> Counter:
    """The sequence that stays when a column counts no more: that of a serial, or one in place of an identity's."""
    name = (
        f"{table}_{model.name}_idle".encode()[:_LONGEST_NAME].decode(errors="ignore")
        if live.identity
        else sequence.name
    )
    return replace(sequence, name=name)
