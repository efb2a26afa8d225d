"""Commands as forks of a process that has imported Django and most of ours: a short command is little but its imports.

A fork server (that of `multiprocessing` runs no script with a working folder, an environment and pipes of its own) is
started once for each process of pytest, and one more for commands that need certain packages besides. Before a fork it
imports only what reads no settings and no apps, and as no modules of ours import each other (tests/test_house.py) it
makes no difference which was first. The child is a real process: its signals, its locks and its exit code are Python's
own, and whoever asked has a `subprocess.Popen` of it.

What a fork cannot have is a start of its own: where Python's options, another interpreter or an environment that is
read at the start matter, `can_fork` says no. What is about imports says so (`Project.start(real=True)`), and
TEST_REAL_STARTS=1 says it for all.
"""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# What a command may be given otherwise than the server has it: it is read when it is used, and not at an import.
READ_LATE = (
    "TEST_", "PYTEST_", "MEDUSA_", "DJANGO_", "DEBUG", "PG", "LANGUAGE", "COLUMNS", "EMBEDDED_",
    "HEROKU_", "RENDER_", "SLACK_", "SENTRY_",
)  # fmt: skip
# How Python is to start for the tests.
PYTHON = {
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    "PYTHONWARNINGS": "error",
    # Of a file that is as long as before, and changed in the same second, Python would take what it has compiled.
    "PYTHONDONTWRITEBYTECODE": "1",
}
PRELOADED = (
    "django.core.cache.backends.locmem",
    "django.core.management.commands.check",
    "django.core.management.commands.makemigrations",
    "django.core.management.commands.migrate",
    "django.core.management.commands.runserver",
    "django.db.backends.postgresql.base",
    "django.views.csrf",
    "encodings.utf_8_sig",
)
# They read settings, or need packages that are not there.
NOT_PRELOADED = ("medusa_migrations.admin", "medusa_migrations.engines", "medusa_migrations.tasks")
PACKAGE = Path(PYTHON["PYTHONPATH"]) / "medusa_migrations"
LONGEST = 1 << 20  # bytes of a request
# That no warning is an error is read at the start too, and can be told a child.
WARNS = {"PYTHONWARNINGS": "default"}


def _read_early(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(READ_LATE)}


_EARLY = _read_early(os.environ) | PYTHON  # of pytest's start: later tests change it


def _ignored() -> set[signal.Signals]:
    """The signals that a command would ignore from its start on."""
    return {number for number in signal.Signals if signal.getsignal(number) is signal.SIG_IGN}


def can_fork(command: Sequence[str], environment: Mapping[str, str], packages: tuple[str, ...] = ()) -> bool:
    """Whether `command` is a script, and would find at its start what the fork server found.

    That is of this Python, or of another one that has the `packages`.
    """
    return (
        hasattr(os, "pidfd_open")  # Linux has it
        and "TEST_REAL_STARTS" not in os.environ
        and (command[0] == sys.executable or bool(packages))
        and not command[1].startswith("-")
        and _read_early(environment) in (_EARLY, _EARLY | WARNS)
        and os.getuid() == os.geteuid()
        and _ignored() == forks(command[0], packages).ignored
    )


class _Forks:
    """The fork server, as its client sees it."""

    def __init__(self, python: str, packages: tuple[str, ...]) -> None:
        self.ignored = _ignored()
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Pipes, so that the streams which Python makes at its start are those of a command's pipes.
            self._process = subprocess.Popen(
                [python, __file__, str(theirs.fileno()), *packages], env=_EARLY, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip

        atexit.register(self._end)

    def _end(self) -> None:
        """So that whoever measures pytest has the time of all commands too."""
        self._channel.close()
        self._process.communicate()

    def ask(self, request: Any, files: Sequence[int] = ()) -> Any:
        with self._lock:
            socket.send_fds(self._channel, [pickle.dumps(request)], files)
            answer = self._channel.recv(LONGEST)
        assert answer, self._process.communicate()
        return pickle.loads(answer)


forks = cache(_Forks)


class Forked(subprocess.Popen[str]):
    """A script of Python as a child of the fork server, which alone can ask the kernel how it ended."""

    def __init__(self, command: Sequence[str], packages: tuple[str, ...] = (), **how: Any) -> None:
        self._forks = forks(command[0], packages)
        super().__init__(command, **how)

    def _execute_child(self, args: Any, *given: Any) -> None:  # its arguments are those of Python 3.11 to 3.14
        cwd, env, pipes, group = given[4], given[5], given[9:15], given[21]
        self.pid = self._forks.ask((args[1:], str(cwd), env, group), [pipes[0], pipes[3], pipes[5]])
        self._ended = os.pidfd_open(self.pid)  # before anybody has waited for it, so it is this process
        self._child_created = True
        self._close_pipe_fds(*pipes)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if not wait_flags & os.WNOHANG:
            select.select([self._ended], [], [])
        pid, status = self._forks.ask(self.pid)
        if pid:
            os.close(self._ended)
        return pid, status

    def _internal_poll(self, _deadstate: int | None = None, **_: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def _serve(channel: socket.socket) -> tuple[list[str], str, dict[str, str]]:
    """Answer until nobody asks any more. Returns in a child alone, with what it is to run."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for pytest and the commands
    while True:
        message, files, *_ = socket.recv_fds(channel, LONGEST, 3)
        if not message:
            sys.exit()
        request = pickle.loads(message)
        if isinstance(request, int):
            answer: Any = os.waitpid(request, os.WNOHANG)
        elif (answer := os.fork()) == 0:
            channel.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            if request[3] == 0:
                os.setpgid(0, 0)
            return request[:3]
        elif request[3] == 0:
            with suppress(ProcessLookupError, PermissionError):  # it has done so itself, and may have ended
                os.setpgid(answer, answer)
        for file in files:
            os.close(file)
        channel.send(pickle.dumps(answer))


def _main_module(arguments: list[str], folder: str, environment: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """The code and the namespace of a script, in a process that is as after `python SCRIPT ...`."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    if environment.items() >= WARNS.items():
        warnings.filters.pop(0)  # type: ignore[attr-defined]  # that of PYTHON, which is read at the start
        warnings.simplefilter("default")
        sys.warnoptions[:] = WARNS.values()
    sys.argv = arguments
    sys.orig_argv = [sys.executable, *arguments]
    for stream in (sys.stdin, sys.stdout):
        if stream.isatty():
            stream.reconfigure(line_buffering=not stream.write_through)  # as Python's start has it on a terminal
    path = Path.cwd() / arguments[0]
    sys.path[0] = str(path.resolve().parent)
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__file__ = str(path)
    return compile(path.read_bytes(), path, "exec"), vars(main)


def _preload(packages: Sequence[str]) -> None:
    for name in PRELOADED:
        import_module(name)
    with warnings.catch_warnings(action="ignore"):  # those of others
        for name in packages:
            import_module(name)
    with _models_allowed():
        for path in sorted(PACKAGE.rglob("*.py")):
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
            # What extends the command of the next app looks for that at its import.
            if not name.startswith(NOT_PRELOADED) and "next_command" not in path.read_text():
                import_module(name)
    _warm_up()
    # A child collects its own garbage alone, and hardly any before its end: that is near.
    gc.freeze()
    gc.set_threshold(100_000)


def _warm_up() -> None:
    """Find out what a process keeps: the regular expressions of every command, and where Python is."""
    from django.core.management.base import BaseCommand

    from medusa_migrations.files.sources import package_folders
    from medusa_migrations.management.console import printable
    from medusa_migrations.sql.scanner import split

    for number in ("?", "*"):
        parser = BaseCommand().create_parser("manage.py", "command")
        parser.add_argument("positional", nargs=number)
        parser.parse_args(["--traceback", "--verbosity", "1"])
    printable("text")
    split("SELECT 1")
    package_folders()


@contextmanager
def _models_allowed() -> Iterator[None]:
    """Let our models be made, which take nothing from settings. Then Django has neither settings nor apps again."""
    from django.apps import AppConfig, apps
    from django.conf import settings
    from django.utils import functional, translation

    settings.configure(USE_I18N=False)
    apps.app_configs = {PACKAGE.name: AppConfig.create(PACKAGE.name)}
    apps.apps_ready = True
    yield
    apps.app_configs, apps.apps_ready = {}, False
    settings._wrapped = functional.empty
    translation._trans = type(translation._trans)()


def _end() -> None:
    """End without taking the interpreter apart, which would be a third of what a command takes.

    The last of what is done at the exit. What is left of the script and of circles is finalized, as ever, with what
    Python says of it; of what could not be written Python tells at its own end.
    """
    if _ended_with is not None:
        vars(sys.modules["__main__"]).clear()
        gc.collect()
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_ended_with)


if __name__ == "__main__":
    sys.path[0] = PYTHON["PYTHONPATH"]  # not this folder
    _ended_with: int | None = None  # an exit code; not of an error or a signal, which are Python's to tell
    atexit.register(_end)
    _preload(sys.argv[2:])
    _code, _namespace = _main_module(*_serve(socket.socket(fileno=int(sys.argv[1]))))
    try:
        exec(_code, _namespace)
        _ended_with = 0
    except SystemExit as error:
        _ended_with = error.code if isinstance(error.code, int) else None
        raise
