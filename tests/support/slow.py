"""Which of many alike are run each time: the rest are for the night, `pytest -m slow`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(cases: Iterable[Any], every: int = 6) -> list[Any]:
    """`cases` as values for parametrize, in which all but the first of each `every` are marked as slow."""
    return [one if number % every == 0 else _slow(one) for number, one in enumerate(cases)]


def _slow(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.slow)
