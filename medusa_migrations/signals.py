"""Signals: what a run tells a project's own code, in the thread of whoever runs it.

Each is sent by AppliedMigration with `database` (an alias), `direction` ("up" or "down"), `run` (the mark that its
entries in the history and the journal have), `id` (that of the migration as text, None of a run), `duration_ms` and
`error` (None where nothing has failed); and of a target of a fleet with `target`, its name. What was done is committed
by then.
"""

from django.dispatch import Signal

run_started = Signal()
migration_applied = Signal()
migration_reverted = Signal()
migration_failed = Signal()
run_finished = Signal()
