"""What several tests look at, and is dear to make, is made by one worker: their group is known to pytest-xdist."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("known")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process")
def test_a_group_is_known(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@known"), "see pytest and pytest-xdist in pyproject.toml"
