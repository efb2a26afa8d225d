"""The names of scratch databases."""

from __future__ import annotations

import pytest

from medusa_migrations.verify.scratch.made import scratch_name

NAMES = {
    ("default", 4711, 1): "medusa_verify_default_4711",
    ("default", 4711, 2): "medusa_verify_default_4711_2",
    ("Lager-Süd 2", 1, 1): "medusa_verify_lager_s_d_2_1",
    ('"; DROP', 1, 1): "medusa_verify__drop_1",
    ("x" * 80, 4194304, 1): f"medusa_verify_{'x' * 41}_4194304",
}


@pytest.mark.parametrize("given", NAMES)
def test_a_name_is_safe_and_fits(given: tuple[str, int, int]) -> None:
    assert scratch_name(*given) == NAMES[given]
    assert len(NAMES[given]) <= 63
