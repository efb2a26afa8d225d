"""Commands that an error names, for the place that it is about."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.base import CommandError

from medusa_migrations.errors import PlanError
from medusa_migrations.management.quick import as_command_errors

B: dict[str, Any] = {"database": "b"}

CASES = {
    "no command": ("It is wrong.", B, ""),
    "one of the default database": ("Run migrations_run again.", {"database": "default"}, ""),
    "one": ("Run migrations_run again.", B, "Add --database b to migrations_run."),
    "one that takes no database": ("Run migrations_build.", B, ""),
    "one beside one that takes none": (
        "Run migrations_build, or migrations_run --build.",
        B,
        "Add --database b to migrations_run.",
    ),
    "one that has it": ("Run migrations_run blog --database b --phase after", B, ""),
    "one that has another": ("Run migrations_run --database big", B, "Add --database b to migrations_run."),
    "one that has it and one that has not": (
        "Run migrations_run --database b, or migrations_repair --mark-applied x.\nThen run migrate again.",
        B,
        "Add --database b to migrations_repair, migrate.",
    ),
    "a mark in a file": ("-- migrate:up is missing.", B, ""),
    "a target": (
        "See migrations_show.",
        {"database": "default", "fleet": "f", "target": "a b"},
        "Add --fleet f --target 'a b' to migrations_show.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_they_are_told_to_have_its_options(case: str) -> None:
    text, options, said = CASES[case]
    with pytest.raises(CommandError) as raised, as_command_errors(options):
        raise PlanError(text)
    assert str(raised.value) == (f"{text}\n{said}" if said else text)
