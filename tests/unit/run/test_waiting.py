"""Waiting for a database: what a look means, what is said of it, and what becomes of a look that takes too long."""

from __future__ import annotations

import threading

import pytest

from medusa_migrations.database.connect import CannotConnect, may_pass_later
from medusa_migrations.database.interruption import Interruption, StopRequested
from medusa_migrations.errors import SettingsError
from medusa_migrations.events import ignore
from medusa_migrations.plan.known import Known
from medusa_migrations.run.readiness import NAMED, Look, hopeless, overdue, words_for
from medusa_migrations.run.waiting import Patience, in_time
from tests.support.builders import known, mid, migration, row
from tests.support.plans import B1, B2

SQL = (B1.id, B2.id)
DJANGO = (("auth", "0001_initial"), ("auth", "0002_more"))
DOWN = CannotConnect("Cannot connect.\nSee that the server runs.", "Connection refused\n\tIs it running?")


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look(sql=SQL), "2 SQL migrations are pending"),
        (Look(sql=SQL[:1]), "1 SQL migration is pending"),
        (Look(django=DJANGO), "2 migrations of Django's are pending"),
        (Look(django=DJANGO[:1]), "1 migration of Django's is pending"),
        (Look(sql=SQL[:1], django=DJANGO[:1]), "1 SQL migration and 1 of Django's are pending"),
        (Look(sql=SQL, holder="pid 1, web"), "2 SQL migrations are pending, being run by pid 1, web"),
        (Look(unreachable=DOWN), "not reachable: Connection refused Is it running?"),
    ],
)
def test_what_is_waited_for_is_said_in_a_line(look: Look, words: str) -> None:
    assert words_for(look) == words
    assert not look.is_ready


def test_ready_is_where_nothing_is_pending() -> None:
    assert Look().is_ready
    assert Look(holder="pid 1").is_ready, "whoever holds the lock then has nothing left to apply"
    assert Look(sql=SQL, django=DJANGO).pending == (str(B1.id), str(B2.id), "auth.0001_initial", "auth.0002_more")


WITH_FEATURE = migration("blog.1", feature="new")

HOPELESS: dict[str, tuple[Known, bool, str]] = {
    "a pending one is not": (known([B1]), False, ""),
    "an applied one is not": (known([B1], [row(B1)]), False, ""),
    "one whose feature is off is not": (known([WITH_FEATURE]), False, ""),
    "one without a file is not": (known([], [row("blog.1")]), False, ""),
    "one that runs is not": (known([B1], [row(B1, state="running")]), True, ""),
    "a failed one that may be gone on with now is not": (known([B1], [row(B1, state="failed")]), True, ""),
    "a changed one is": (known([B1], [row(B1, up="other")]), False, "--accept-changes"),
    "a changed one is, whoever is at work": (known([B1], [row(B1, up="other")]), True, "--accept-changes"),
    "a failed one is": (
        known([B1], [row(B1, state="failed", error="no such column")]),
        False,
        "it: no such column\nFix",
    ),
    "one that ran and nobody is at work on it": (known([B1], [row(B1, state="running")]), False, "migrations_run"),
    "one reverted in part is": (known([B1], [row(B1, state="revert_failed")]), False, "migrations_revert"),
}


@pytest.mark.parametrize("case", HOPELESS)
def test_for_which_no_time_helps(case: str) -> None:
    state, is_held, words = HOPELESS[case]
    failure = hopeless(state, is_held=is_held)
    assert (failure is not None) == bool(words)
    if failure:
        assert failure.id == B1.id
        assert words in failure.message


def test_what_failed_and_is_held_back_is_left_by_a_run_too() -> None:
    failed, reverted = (known([B1], [row(B1, state=state)]) for state in ("failed", "revert_failed"))
    assert hopeless(failed, is_held=False, held_back={B1.id}) is None
    assert hopeless(reverted, is_held=False, held_back={B1.id}), "it stops a run of any phase"


def test_what_takes_over_the_sql_of_a_deleted_one_is_told_what_a_run_tells() -> None:
    merged = migration("blog.R__b", up="SELECT 'a';")
    state = known([merged], [row("blog.R__a", checksum=merged.checksum), row(merged, up="SELECT 'old';")])
    failure = hopeless(state, is_held=False)
    assert failure
    assert "migrations_revert --missing" in failure.message


def test_the_end_of_the_time_names_what_is_pending_up_to_a_number() -> None:
    many = tuple(mid(f"blog.{number}") for number in range(1, NAMED + 3))
    text = overdue(Look(sql=many), 300)
    assert text.startswith(f"Waited 300 s, and {len(many)} SQL migrations are pending:\n  {many[0]}\n")
    assert str(many[NAMED - 1]) in text
    assert str(many[NAMED]) not in text
    assert "\n  and 2 more\n" in text
    assert "more\n" not in overdue(Look(sql=many[:NAMED]), 300)
    assert overdue(Look(unreachable=DOWN), 2.5) == f"{DOWN}\nWaited 2.5 s. --timeout sets how long."


AT = 'connection to server at "db" (10.0.0.1), port 5432 failed: '
PASSING = {
    f"{AT}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?": True,
    'could not translate host name "db" to address: Name or service not known': True,
    "failed to resolve host 'db': [Errno -2] Name or service not known": True,
    f"{AT}FATAL:  the database system is starting up": True,
    f"{AT}FATAL:  sorry, too many clients already": True,
    f'{AT}FATAL:  too many connections for role "app"': True,
    f'{AT}FATAL:  database "shop" does not exist': True,
    f'{AT}FATAL:  database "role of app" does not exist': True,
    f"{AT}timeout expired": True,
    f"{AT}server closed the connection unexpectedly": True,
    f"{AT}SSL SYSCALL error: EOF detected": True,
    f'{AT}FATAL:  password authentication failed for user "app"': False,
    f'{AT}FATAL:  Peer authentication failed for user "app"': False,
    f"{AT}fe_sendauth: no password supplied": False,
    f'{AT}FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "app", database "shop", no encryption': False,
    f'{AT}FATAL:  role "app" does not exist': False,
    f'{AT}FATAL:  role "app" is not permitted to log in': False,
    f'{AT}FATAL:  permission denied for database "shop"\nDETAIL:  User does not have CONNECT privilege.': False,
    f"{AT}server does not support SSL, but SSL was required": False,
    f"{AT}SSL error: certificate verify failed": False,
    'definition of service "shop" not found': False,
    'invalid port number: "99999999"': False,
    'invalid sslmode value: "yes"': False,
    'invalid dsn: invalid connection option "hots"': False,
}


@pytest.mark.parametrize("reason", PASSING)
def test_which_reasons_may_pass(reason: str) -> None:
    assert may_pass_later(reason) is PASSING[reason]


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e9, True])
@pytest.mark.parametrize("option", ["timeout", "interval"])
def test_numbers_that_cannot_be_are_refused_in_words(option: str, value: float) -> None:
    numbers = {"timeout": 300.0, "interval": 2.0} | {option: value}
    with pytest.raises(SettingsError, match=rf"{option} is .*\. It must be a number of seconds"):
        Patience.chosen(**numbers, listener=ignore, interruption=Interruption())


def test_no_time_between_two_looks_would_keep_the_server_busy() -> None:
    with pytest.raises(SettingsError, match=r"interval is 0\. It must be a number of seconds, 0\.1 or more"):
        Patience.chosen(300, 0, ignore, Interruption())
    assert Patience.chosen(0, 0.1, ignore, Interruption()).timeout == 0


class Stuck:
    """A look at what never answers, until it is cancelled."""

    def __init__(self) -> None:
        self.began, self.cancelled = threading.Event(), threading.Event()

    def __call__(self, interruption: Interruption) -> Look:
        with interruption.cancels(self.cancelled.set):
            self.began.set()
            self.cancelled.wait(30)
        return Look()


def test_a_look_that_takes_too_long_is_cancelled_and_counts_as_no_answer() -> None:
    stuck = Stuck()
    assert in_time(0.1, stuck, Interruption()) is None
    assert stuck.cancelled.wait(10)


def test_a_stop_ends_a_look_at_once_and_cancels_it() -> None:
    stuck, interruption = Stuck(), Interruption()
    threading.Thread(target=lambda: stuck.began.wait(10) and interruption.request("enough"), daemon=True).start()
    with pytest.raises(StopRequested, match="enough"):
        in_time(30, stuck, interruption)
    assert stuck.cancelled.wait(10)


def test_what_a_look_raises_is_raised_where_it_is_waited_for() -> None:
    def refused(interruption: Interruption) -> Look:
        raise DOWN

    with pytest.raises(CannotConnect, match="Cannot connect"):
        in_time(30, refused, Interruption())
