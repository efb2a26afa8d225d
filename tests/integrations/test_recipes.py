"""The recipes of docs/operations.md that tell others of a run, as they stand there."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.projects import ROOT, Project

BAD = "blog.20240101000002_bad"

HEAD = """
import json, os, time
from urllib.request import Request, urlopen
from django.dispatch import receiver
from medusa_migrations.signals import migration_applied, migration_failed, migration_reverted
"""

APPS = """
from django.apps import AppConfig

class Blog(AppConfig):
    name = "blog"
    def ready(self):
        from . import receivers
"""


OPENTELEMETRY = """
import atexit, pathlib
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

@atexit.register
def keep():
    spans = exporter.get_finished_spans()
    told = [[one.name, one.status.status_code.name, one.end_time - one.start_time] for one in spans]
    pathlib.Path("spans.json").write_text(json.dumps(told))
"""


class Endpoint(HTTPServer):
    """Takes what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.bodies.append(gzip.decompress(body) if is_packed else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def use(project: Project, name: str, before: str = "") -> None:
    """Have the app use the recipe whose function has that name, with what it imports and sets up `before`."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.DOTALL)
    (recipe,) = (block for block in blocks if f"def {name}(" in block)
    (project.folder / "blog/receivers.py").write_text(f"{HEAD}{before}\n{recipe}")
    (project.folder / "blog/apps.py").write_text(APPS)
    project.table(1)
    project.write(BAD, "SELECT 1/0;")


def test_slack_hears_of_a_failure(project: Project, endpoint: Endpoint) -> None:
    use(project, "to_slack")
    error = project.run(env={"SLACK_WEBHOOK": f"http://127.0.0.1:{endpoint.server_port}/services/x"}).error()
    assert "receiver" not in error
    assert [json.loads(body) for body in endpoint.bodies] == [
        {"text": f"{BAD} has failed in default: division by zero"}
    ]


def test_a_webhook_that_does_not_answer_stops_nothing(project: Project) -> None:
    use(project, "to_slack")
    outcome = project.run(env={"SLACK_WEBHOOK": "http://127.0.0.1:9/services/x"})
    assert "The receiver blog.receivers.to_slack of migration_failed has failed: URLError:" in outcome.stderr
    assert f"{BAD} failed (up): division by zero" in outcome.stderr
    assert outcome.code == 1


def test_sentry_hears_of_a_failure(project: Project, endpoint: Endpoint) -> None:
    use(project, "to_sentry", "import sentry_sdk")
    error = project.run(env={"SENTRY_DSN": f"http://key@127.0.0.1:{endpoint.server_port}/1"}).error()
    assert "receiver" not in error
    lines = [json.loads(line) for body in endpoint.bodies for line in body.splitlines()]
    (event,) = [line for line in lines if "level" in line]
    assert event["logentry"]["formatted"] == f"migration_failed {BAD}: division by zero"
    assert event["tags"]["migration"] == BAD


def test_opentelemetry_has_a_span_for_each(project: Project) -> None:
    use(project, "to_opentelemetry", OPENTELEMETRY)
    project.run().error()
    spans = json.loads((project.folder / "spans.json").read_text())
    assert [(name, status) for name, status, _ in spans] == [("blog.20240101000001_t1", "OK"), (BAD, "ERROR")]
    assert all(took >= 0 for *_, took in spans)
