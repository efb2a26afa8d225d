"""Migrations and histories to plan with, and what is planned, in short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from medusa_migrations.errors import PlanError
from medusa_migrations.files.order import ordered
from medusa_migrations.migration import Direction, Migration, MigrationId
from medusa_migrations.plan.backwards import Backwards
from medusa_migrations.plan.forwards import Forwards
from medusa_migrations.plan.known import Known
from medusa_migrations.plan.steps import Plan
from tests.support.builders import known, mid, migration, row

B1, B2, B3 = migration("blog.1"), migration("blog.2"), migration("blog.3")
S1 = migration("shop.1")
FIVE = [migration(f"blog.{number}") for number in range(1, 6)]
LABELS = ("blog", "shop", "empty")


def short(ids: Sequence[MigrationId]) -> str:
    return " ".join(f"{id_.app}.{int(id_.name[8:14])}" for id_ in ids)


def steps(plan: Plan) -> str:
    return short([step.id for step in plan.steps])


def run(state: Known, **options: Any) -> str:
    if "to" in options:
        options["to"] = str(mid(options["to"]))
    plan = Forwards(labels=LABELS, **options).plan(state)
    assert plan.direction is Direction.UP
    assert all(
        step.direction is Direction.UP and step.migration and step.part is step.migration.up for step in plan.steps
    )
    return steps(plan)


def revert(state: Known, **options: Any) -> str:
    if "to" in options:
        options["to"] = str(mid(options["to"]))
    plan = Backwards(labels=LABELS, **options).plan(state)
    assert plan.direction is Direction.DOWN
    assert all(step.direction is Direction.DOWN for step in plan.steps)
    return steps(plan)


def run_refusal(state: Known, **options: Any) -> str:
    with pytest.raises(PlanError) as caught:
        Forwards(labels=LABELS, **options).plan(state)
    return str(caught.value)


def revert_refusal(state: Known, **options: Any) -> str:
    with pytest.raises(PlanError) as caught:
        Backwards(labels=LABELS, **options).plan(state)
    return str(caught.value)


@st.composite
def states(draw: st.DrawFn) -> Known:
    """Migrations that depend on earlier ones, some of them applied, executed in any order, some without a file."""
    names = [f"{draw(st.sampled_from(['blog', 'shop']))}.{number}" for number in range(1, draw(st.integers(1, 9)))]
    ones: list[Migration] = []
    for at, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:at]), max_size=2, unique=True)) if at else []
        feature, phase = (
            draw(st.sampled_from([None, None, "off"])),
            draw(st.sampled_from(["before", "before", "after"])),
        )
        ones.append(migration(name, *needs, feature=feature, phase=phase))
    applied = draw(st.permutations(ones))[: draw(st.integers(0, len(ones)))]
    runs = draw(st.lists(st.sampled_from(["a", "b"]), min_size=len(applied), max_size=len(applied)))
    rows = [row(one, run=run) for one, run in zip(applied, runs, strict=True)]
    rows += [row(f"gone.{number}", down="") for number in range(1, draw(st.integers(1, 3)))]
    return known(ordered(ones, ("blog", "shop")), rows)
