"""Delivery by Celery, over the broker of the project's app."""

from __future__ import annotations

from collections.abc import Sequence

from celery import current_app, shared_task

from . import work
from .engine import Job

# In seconds. The limit that a project sets for its tasks is not for these: killed by it, a migration begins anew.
_NO_LIMIT = 365 * 24 * 3600

# A job is acknowledged when it is done, so one whose worker is lost comes again. Where only the process of a job was
# killed it does not, lest one that takes all memory comes again for ever: whoever waits for it sends it again.
task = shared_task(
    name=work.TASK,
    acks_late=True,
    reject_on_worker_lost=False,
    ignore_result=True,
    time_limit=_NO_LIMIT,
    soft_time_limit=_NO_LIMIT,
)(work.do)


def send(jobs: Sequence[Job], queue: str) -> None:
    """Raises what the broker raises, or what belongs to it."""
    with current_app.producer_or_acquire() as producer:
        for job in jobs:
            task.apply_async(args=(job,), queue=queue, producer=producer)
