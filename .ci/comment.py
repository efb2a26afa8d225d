"""Put a review into a comment of the pull request: in place of the one from before, if there is one.

    python comment.py FILE

What is needed comes from GitHub's runner: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_EVENT_PATH and GITHUB_TOKEN.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PER_PAGE = 100

# What the project cannot change: a pull request from a fork may only read.
FORBIDDEN = (401, 403, 404)


def main(file: str) -> None:
    """Write the comment, or say in a notice why it was not."""
    body = Path(file).read_text()
    number = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text()).get("pull_request", {}).get("number")
    if number is None:
        print("No pull request: nothing to comment on.")
        return
    try:
        print(put(number, body))
    except urllib.error.HTTPError as error:
        if error.code not in FORBIDDEN:
            sys.exit(f"GitHub did not take the comment: {error}")
        print(
            f"::notice::The review is in the summary of this run. It is no comment, because GitHub says: {error}. Give "
            "the job `permissions: pull-requests: write`; a pull request from a fork never has it."
        )
    except OSError as error:
        sys.exit(f"GitHub could not be reached: {error}")


def put(number: int, body: str) -> str:
    """Have one comment with `body`, and say what was done; none is begun to say that there is nothing."""
    marker = body.partition("\n")[0]
    comments = f"/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    before = find(f"{comments}/{number}/comments", marker)
    if before is not None:
        ask("PATCH", f"{comments}/comments/{before}", {"body": body})
        return "The comment from before was brought up to date."
    if "<details>" not in body:
        return "No migration is new or changed: no comment."
    ask("POST", f"{comments}/{number}/comments", {"body": body})
    return "Commented."


def find(path: str, marker: str) -> int | None:
    """The comment of a bot that begins with `marker`."""
    page = 1
    while True:
        found = ask("GET", f"{path}?per_page={PER_PAGE}&page={page}")
        for one in found:
            if one["body"].startswith(marker) and one["user"]["type"] == "Bot":
                return int(one["id"])
        if len(found) < PER_PAGE:
            return None
        page += 1


def ask(method: str, path: str, value: Any = None) -> Any:
    """What GitHub's API answers. Raises OSError, of which HTTPError is one."""
    request = urllib.request.Request(
        os.environ.get("GITHUB_API_URL", "https://api.github.com") + path,
        method=method,
        data=None if value is None else json.dumps(value).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main(sys.argv[1])
