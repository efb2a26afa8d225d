"""action.yml: its steps, run as GitHub's runner runs them, on a clone as actions/checkout makes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.projects import ROOT, Outcome, Project, Server
from tests.support.repositories import begin, commit, git

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
INSTALL, BUILD, VERIFY, LINT, REVIEW, COMMENT = (step["name"] for step in STEPS)

EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


class GitHub(HTTPServer):
    """As much of GitHub's API as the comment needs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.refuses = 0


class Answer(BaseHTTPRequestHandler):
    server: GitHub

    def answer(self) -> None:
        github, body = self.server, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        github.asked.append(f"{self.command} {self.path}")
        assert self.headers["Authorization"] == "Bearer secret"
        if github.refuses:
            self.send_error(github.refuses)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.result(json.loads(body or "{}"))).encode())

    def result(self, sent: dict[str, Any]) -> Any:
        comments = self.server.comments
        if self.command == "GET":
            found = re.fullmatch(r"/repos/me/shop/issues/7/comments\?per_page=100&page=(\d+)", self.path)
            assert found, self.path
            return comments[(int(found[1]) - 1) * 100 : int(found[1]) * 100]
        if self.command == "PATCH":
            (one,) = [one for one in comments if self.path == f"/repos/me/shop/issues/comments/{one['id']}"]
            one |= sent
            return one
        assert self.path == "/repos/me/shop/issues/7/comments"
        comments.append({"id": 1000 + len(comments), "user": {"type": "Bot"}} | sent)
        return comments[-1]

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@dataclass
class Job:
    """A job of a pull request to `main`; `inputs` are those of the action."""

    project: Project
    github: GitHub
    folder: Path
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, name: str) -> Outcome:
        """Run one step, whatever its condition."""
        (step,) = [step for step in STEPS if step["name"] == name]
        assert step["shell"] == "bash"
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        assert "${{" not in step["run"], "what others wrote would be a part of the script"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.project.folder / self.filled(step.get("working-directory", ".")),
            env=self.environment() | {key: self.filled(value) for key, value in step.get("env", {}).items()},
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        self.read_outputs(step.get("id", ""))
        return Outcome(done.returncode, done.stdout, done.stderr)

    def filled(self, text: str) -> str:
        """`text` with expressions in it, as `${{ inputs.base }}`."""
        given = {f"inputs.{key}": value["default"] for key, value in ACTION["inputs"].items()}
        given |= {f"inputs.{key}": value for key, value in self.inputs.items()}
        given |= {"github.base_ref": "main", "github.token": "secret", "github.action_path": str(ROOT)} | self.outputs
        while EXPRESSION.search(text):
            text = EXPRESSION.sub(lambda found: given[found[1]], text)
        return text

    def environment(self) -> dict[str, str]:
        return self.project.environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_API_URL": f"http://127.0.0.1:{self.github.server_port}",
            "GITHUB_REPOSITORY": "me/shop",
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "RUNNER_TEMP": str(self.folder),
            "PYTHONWARNINGS": "default",  # those of pip are not ours
        }

    def read_outputs(self, step: str) -> None:
        path = self.folder / "output"
        for line in path.read_text().splitlines() if path.exists() else ():
            key, _, value = line.partition("=")
            self.outputs[f"steps.{step}.outputs.{key}"] = value
        path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def checkout(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shallow clone with `blog.…0002_t2` on the branch `work`, of a repository with `blog.…0001_t1` on `main`."""
    origin = tmp_path_factory.mktemp("origin")
    project = Project(origin, server, server.maintenance)
    (origin / "requirements.txt").write_text("# all is there\n")
    project.table(1)
    begin(origin)
    project.table(2)
    commit(origin)
    clone = tmp_path_factory.mktemp("checkout")
    git(clone, "clone", "-q", "--depth=1", f"file://{origin}", ".")
    return clone


@pytest.fixture
def job(project: Project, checkout: Path, github: GitHub, tmp_path: Path) -> Job:
    """A job on a checkout of its own."""
    project.folder = shutil.copytree(checkout, tmp_path / "checkout")
    runner = tmp_path / "runner"
    runner.mkdir()
    (runner / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    return Job(project, github, runner)


def test_all_its_steps(job: Job) -> None:
    job.run(INSTALL).ok()
    assert "is not in git" in job.run(BUILD).ok().stdout
    assert "blog.20240101000002_t2... proven" in job.run(VERIFY).ok().stdout
    job.run(REVIEW).ok()
    assert job.run(COMMENT).ok().stdout == "Commented.\n"
    (comment,) = job.github.comments
    assert comment["body"].startswith("<!-- medusa_migrations review -->\n")
    assert "20240101000002" in comment["body"]
    assert "20240101000001" not in comment["body"]
    assert (job.folder / "summary.md").read_text() == comment["body"]


def test_lint_annotates_lines(job: Job) -> None:
    job.run(LINT).ok()
    job.project.write("blog.20240101000003_t3", "CREATE INDEX i ON t1 (id);", "DROP INDEX i;")
    done = job.run(LINT)
    assert done.code == 1
    assert "::error file=blog/sql_migrations/20240101000003_t3.sql,line=2,col=1" in done.stdout


def test_a_build_in_git_is_checked(job: Job) -> None:
    job.project.manage("migrations_build").ok()
    git(job.project.folder, "add", "-f", "dist")
    job.run(BUILD).ok()
    job.project.table(3)
    assert "differs from the sources" in job.run(BUILD).stderr


def test_a_fault_fails_its_step_and_the_review_comes_all_the_same(job: Job) -> None:
    job.project.write("blog.20240101000003_t3", "CREATE TABLE t3 (id int);", "SELECT 1;")
    assert job.run(VERIFY).code == 1
    job.run(REVIEW).ok()
    assert "20240101000003" in (job.folder / "summary.md").read_text()
    conditions = [step.get("if", "") for step in STEPS]
    assert conditions[0] == ""
    assert all(condition.startswith("${{ !cancelled() && ") for condition in conditions[1:])


def test_the_comment_is_brought_up_to_date_in_its_place(job: Job) -> None:
    others = [
        {"id": number, "user": {"type": "User"}, "body": "<!-- medusa_migrations review --> mine"}
        for number in range(130)
    ]
    job.github.comments += others
    job.run(REVIEW).ok()
    job.run(COMMENT).ok()
    job.project.table(3)
    job.run(REVIEW).ok()
    assert "brought up to date" in job.run(COMMENT).ok().stdout
    mine = [one for one in job.github.comments if one["user"]["type"] == "Bot"]
    assert len(mine) == 1
    assert "20240101000003" in mine[0]["body"]
    for name in ("2_t2", "3_t3"):
        (job.project.folder / f"blog/sql_migrations/2024010100000{name}.sql").unlink()
    job.run(REVIEW).ok()
    job.run(COMMENT).ok()
    assert "None is new or changed" in mine[0]["body"]


def test_nothing_to_review_begins_no_comment(job: Job) -> None:
    (job.project.folder / "blog/sql_migrations/20240101000002_t2.sql").unlink()
    job.run(REVIEW).ok()
    assert "no comment" in job.run(COMMENT).ok().stdout
    assert job.github.comments == []


def test_a_push_has_nothing_to_compare(job: Job) -> None:
    job.inputs["base"] = ""
    assert "No pull request" in job.run(REVIEW).ok().stdout
    assert "steps.review.outputs.file" not in job.outputs
    assert "steps.review.outputs.file != ''" in STEPS[-1]["if"]


@pytest.mark.parametrize(("code", "exit_code"), [(403, 0), (500, 1)])
def test_what_github_does_not_take(job: Job, code: int, exit_code: int) -> None:
    """A fork's pull request may only read."""
    job.github.refuses = code
    job.run(REVIEW).ok()
    done = job.run(COMMENT)
    assert done.code == exit_code
    assert "Traceback" not in done.stderr
    assert ("::notice::" in done.stdout) == (exit_code == 0)


def test_a_project_in_a_folder_and_options(job: Job) -> None:
    job.inputs |= {"working-directory": "blog/..", "install": "", "verify-options": "--require-down --json"}
    job.run(INSTALL).ok()
    assert job.run(VERIFY).ok().json["faults"] == 0
