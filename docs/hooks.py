"""The parts of the documentation site that are made from the code: options, settings, JSON documents.

A page asks for one by a line such as `<!-- options: migrations_run -->`. Nothing of it is in a file.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import BaseCommand, load_command_class

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]
if not settings.configured:
    settings.configure(INSTALLED_APPS=["medusa_migrations"], BASE_DIR=DOCS.parent)
    django.setup()

from documents import document

from medusa_migrations import conf
from medusa_migrations.management.next_command import next_command

_ASKED = re.compile(r"^<!-- (\w+)(?:: (\w+))? -->$", re.MULTILINE)
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs' event: put what a page asks for into its place.

    GitHub has a bar in the code of a table escaped, Python-Markdown has it as it is.
    """
    whole = _ASKED.sub(lambda found: PARTS[found[1]](*filter(None, [found[2]])), markdown)
    return _ROW.sub(lambda row: _CODE.sub(lambda code: code[0].replace(r"\|", "|"), row[0]), whole)


def options(command: str) -> str:
    """The arguments of a command, or of each of its actions, as a table; without those that Django documents."""
    djangos = next_command("migrate")() if command == "migrate" else BaseCommand()
    known = {name for action in djangos.create_parser("", "")._actions for name in _names(action)}
    parser = load_command_class("medusa_migrations", command).create_parser("manage.py", command)
    return "\n".join(_options(parser, command, known))


def _options(of: argparse.ArgumentParser, title: str, known: set[str]) -> Iterator[str]:
    shown = [one for one in of._actions if one.help != argparse.SUPPRESS and not known.intersection(_names(one))]
    rows = [f"| {_term(one)} | {_sentence(one)} |" for one in shown if not isinstance(one, argparse._SubParsersAction)]
    if rows:
        yield from ("", "| option | does |", "|---|---|", *rows, "")
    for action in shown:
        if isinstance(action, argparse._SubParsersAction):
            for one in action._choices_actions:
                yield f"\n`{title} {one.dest}`: {one.help}"
                yield from _options(action.choices[one.dest], f"{title} {one.dest}", known)


def _names(action: argparse.Action) -> Sequence[str]:
    return action.option_strings or [action.dest]


def _term(action: argparse.Action) -> str:
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if not action.option_strings:
        term = f"[{value}]" if action.nargs in ("?", "*") else str(value)
        return _code(term + ("..." if action.nargs in ("*", "+") else ""))
    takes = {None: f" {value}", "?": f" [{value}]", "*": f" [{value}...]", 0: ""}[action.nargs]
    required = ", required" if action.required else ""
    return ", ".join(_code(name + takes) for name in action.option_strings) + required


def _sentence(action: argparse.Action) -> str:
    repeatable = " Repeatable." if isinstance(action, argparse._AppendAction) else ""
    return ((action.help or "") % {"default": action.default}).replace("|", r"\|").replace("<", "&lt;") + repeatable


def _code(text: str) -> str:
    return "`" + text.replace("|", r"\|") + "`"


def setting_texts() -> dict[str, str]:
    """What conf.py says of each setting, by its key."""
    tree = ast.parse(Path(conf.__file__).read_text())
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    texts = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            texts[ast.unparse(field.target).upper()] = " ".join(str(text.value.value).split())
    return texts


def setting_list() -> str:
    """All settings, in the order of the alphabet."""
    texts = setting_texts()
    return "\n".join(_setting(name.upper(), texts[name.upper()]) for name in sorted(conf.Settings._fields))


def _setting(key: str, text: str) -> str:
    default = conf.Settings._field_defaults.get(key.lower(), ...)
    shown = "" if default is ... else f"Default: `{_literal(default)}`. "
    return f"### {key}\n\n{_linked(text)}\n\n{shown}It must be {conf._CHECKS[key][1]}.\n"


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return repr(list(value))
    return repr(dict(value)) if hasattr(value, "keys") else json.dumps(value) if isinstance(value, str) else repr(value)


def _linked(text: str) -> str:
    """`text` with each `docs/PAGE.md#anchor` as a link that has the heading for its words."""
    return re.sub(r"docs/([\w-]+\.md)(?:#([\w-]+))?", lambda found: _link(found[1], found[2]), text)


def _link(page: str, anchor: str | None) -> str:
    headings = re.findall(r"^#+ (.+)$", (DOCS / page).read_text(), re.MULTILINE)
    words = next((one for one in headings[1:] if _slug(one) == anchor), headings[0])
    return f"[{words}]({page}{'#' + anchor if anchor else ''})"


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-")


PARTS: dict[str, Callable[..., str]] = {"options": options, "settings": setting_list, "document": document}
