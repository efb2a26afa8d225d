"""The JSON documents of the commands that write files or settle the history.

`error` is why one ended early; only then a document has that member.
"""

from __future__ import annotations

import json
from typing import Any

from medusa_migrations.conf import shown_path
from medusa_migrations.results import BaselineResult, BuildResult, GenerateResult, MadeFile, RepairResult

from .console import where_json


def build_json(result: BuildResult | None, error: str | None = None) -> str:
    """The document of `migrations_build --json`."""
    lists = ("built", "new", "changed", "removed", "warnings")
    return _dump(
        {
            "dist": shown_path(result.dist_dir) if result else None,
            **{name: [str(one) for one in getattr(result, name)] if result else [] for name in lists},
        },
        error,
    )


def repair_json(result: RepairResult, error: str | None = None) -> str:
    """The document of `migrations_repair --json`."""
    findings = [
        {"id": str(one.id), "state": one.state, "problem": one.problem, "cure": one.cure} for one in result.findings
    ]
    return _dump({**where_json(result), "done": list(result.done), "findings": findings}, error)


def made_json(made: MadeFile | None, *, with_text: bool, error: str | None = None) -> str:
    """The document of `makemigration --json`; `with_text` as of a file that is not written."""
    return _dump(_made(made, with_text=with_text), error)


def generated_json(result: GenerateResult, *, with_text: bool, listed: bool = False, error: str | None = None) -> str:
    """The document of `makemigration --generate --json`; if `listed`, with all files."""
    made = _made(result.made, with_text=with_text)
    made["warnings"] = [*result.warnings, *(text for one in result.files for text in one.warnings)]
    files = [{"id": str(one.id), "path": shown_path(one.path), **_text(one, with_text)} for one in result.files]
    all_files = {"files": files} if listed else {}
    compared = {name: list(getattr(result, name)) for name in ("changes", "loses", "offered")}
    return _dump({**made, **all_files, "database": result.database, **compared}, error)


def baseline_json(result: BaselineResult, *, with_text: bool, error: str | None = None) -> str:
    """The document of `makemigration --baseline --json`; `with_text` as of files that are not written."""
    return _dump(
        {
            "database": result.database,
            "apps": list(result.apps),
            "files": [
                {"id": str(one.id), "path": shown_path(one.path), **_text(one, with_text)} for one in result.files
            ],
            "recorded": [str(id_) for id_ in result.recorded],
            "warnings": list(result.warnings),
            "to_delete": [shown_path(path) for path in result.to_delete],
            "references": [one._asdict() for one in result.references],
        },
        error,
    )


def _made(made: MadeFile | None, *, with_text: bool) -> dict[str, Any]:
    return {
        "id": str(made.id) if made else None,
        "path": shown_path(made.path) if made else None,
        **_text(made, with_text),
        "warnings": list(made.warnings) if made else [],
    }


def _text(made: MadeFile | None, with_text: bool) -> dict[str, Any]:
    return {"text": made.text if made else None} if with_text else {}


def _dump(document: dict[str, Any], error: str | None) -> str:
    ended = {} if error is None else {"error": {"message": error}}
    return json.dumps(document | ended, indent=2, ensure_ascii=False)
