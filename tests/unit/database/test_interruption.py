"""Whom a request to stop cancels."""

from __future__ import annotations

import threading

import pytest

from medusa_migrations.database.interruption import Interruption, StopRequested


def test_within_the_time_of_one_there_may_be_another_and_then_it_is_the_first_again() -> None:
    interruption = Interruption()
    with interruption.cancels(lambda: None):
        with interruption.cancels(lambda: None):
            assert interruption.is_attached
        assert interruption.is_attached
    assert not interruption.is_attached


def test_a_request_cancels_the_inner_one_and_after_it_nobody() -> None:
    interruption, cancelled = Interruption(), threading.Event()
    with interruption.cancels(lambda: pytest.fail("the outer one waits for nothing")):
        with interruption.cancels(cancelled.set):
            thread = threading.Thread(target=interruption.request, args=("why",))
            thread.start()
            assert cancelled.wait(10)
        assert not interruption.is_attached
        thread.join(10)
        assert not thread.is_alive()
    with pytest.raises(StopRequested, match="why"):
        interruption.check()
