"""goose: one file with annotations; in Go too, which nobody can turn into SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from medusa_migrations.errors import FileError, Location, PlanError
from medusa_migrations.messages import N_
from medusa_migrations.migration import Direction
from medusa_migrations.results import ImportPlace

from .draft import Chunk, Converted, Draft, Text, stop, stops
from .names import of_digits
from .parts import closed, part, unwrapped, without_directives
from .tool import Applied, HistoryTable, Tool

_NAME = re.compile(r"(?P<version>0*[1-9][0-9]*)_(?P<title>.*)\.(?P<kind>sql|go)")
_ANY = re.compile(r"^--.*\+goose", re.MULTILINE)
# What goose makes of a line where it puts values of the environment: it takes two backslashes and `$(` as they are,
# and `\$` and `$$` for a dollar. Any other dollar but the last character begins a variable.
_DOLLAR = re.compile(r"\\\\|(?P<escaped>\\\$|\$\$)|\$\(|(?P<variable>\$(?:\{[^}]*\}?|\w+|(?=.)))")

_IGNORED = N_("the name is not <version>_<title>.sql, so goose does not run it: not imported.")

_SUBSTITUTION = {"envsub on": True, "envsubst on": True, "envsub off": False, "envsubst off": False}
_PARTS = (["up"], ["up", "down"])
_BLOCK = N_("Put the one before a statement, the other behind it, in pairs below `-- +goose Up` and `-- +goose Down`.")
_ANNOTATIONS = {"up", "down", "statementbegin", "statementend", "no transaction", *_SUBSTITUTION}


class _Line(NamedTuple):
    """A line of a file: the `annotation` that it is in small letters, "" for none."""

    number: int
    text: str
    annotation: str


def convert(texts: Sequence[Text]) -> Converted:
    """Its files in the order of their numbers."""
    own = [text for text in texts if _NAME.fullmatch(text.name) and not text.name.endswith("_test.go")]
    ignored = (text for text in texts if text not in own and text.name.endswith(".sql"))
    places = (text.place(1, _IGNORED) for text in ignored)
    return Converted(tuple(map(_draft, sorted(own, key=_version))), tuple(places))


def _version(text: Text) -> int:
    return int(text.name.partition("_")[0])


def _draft(text: Text) -> Draft:
    name = _NAME.fullmatch(text.name)
    assert name is not None  # `convert` has those alone
    chunks, places = _of_go(text) if name["kind"] == "go" else _of_sql(text)
    return Draft(
        str(_version(text)), text.path, name["title"], of_digits(name["version"]), tuple(chunks), tuple(places)
    )


def _of_go(text: Text) -> tuple[list[Chunk], list[ImportPlace]]:
    place = text.place(1, N_("this migration is written in Go: write it in SQL or in Python."))
    return [*part(Direction.UP, [stop(place)]), *part(Direction.DOWN, [stop(place)])], [place]


def _of_sql(text: Text) -> tuple[list[Chunk], list[ImportPlace]]:
    lines = [_line(text, number, line) for number, line in enumerate(text.text.removesuffix("\n").split("\n"), 1)]
    up, down = _marks(text, lines)
    transaction = all(line.annotation != "no transaction" for line in lines)
    lines, places = _substituted(text, lines)
    header = "".join(f"{line}\n" for line in _without_annotations(text, lines[:up], may_have_blocks=False))
    chunks = [Chunk(without_directives(header), text.path)] if header.strip() else []
    chunks += _part(Direction.UP, text, lines[up:down], places, transaction=transaction)
    if down is not None:
        chunks += _part(Direction.DOWN, text, lines[down:], places, transaction=transaction)
    return chunks, places


def _marks(text: Text, lines: Sequence[_Line]) -> tuple[int, int | None]:
    """The indexes of the lines at which the up part and the down part begin."""
    found = [(line.annotation, index) for index, line in enumerate(lines) if line.annotation in ("up", "down")]
    annotations = [annotation for annotation, _ in found]
    if annotations not in _PARTS:
        wrong = next((index for end, (_, index) in enumerate(found, 1) if annotations[:end] not in _PARTS), 0)
        raise _error(
            text,
            lines[wrong],
            N_("goose needs one `-- +goose Up`, and behind it `-- +goose Down` once or not at all"),
            N_("Put the one above the SQL that migrates, the other above the SQL that undoes it."),
        )
    return found[0][1], found[1][1] if len(found) > 1 else None


def _error(text: Text, line: _Line, problem: str, cure: str) -> FileError:
    return FileError(problem, Location(text.path, line.number, 1, line.text.rstrip()), cure)


def _line(text: Text, number: int, written: str) -> _Line:
    """Raises FileError for what goose takes for an annotation, and does not know."""
    line = _Line(number, written, "")
    if not written.lstrip().startswith("--") or "+goose" not in written:
        return line
    annotation = written.replace("--", "").replace("+goose", "", 1).strip().lower()
    if written[0] in " \t":
        raise _error(text, line, N_("goose takes an annotation at the very start of a line only"), N_("Move it there."))
    if annotation not in _ANNOTATIONS:
        raise _error(text, line, N_("unknown annotation: {line}", line=written.strip()), N_("Take it out, or mend it."))
    return line._replace(annotation=annotation)


def _part(
    direction: Direction, text: Text, lines: Sequence[_Line], places: Iterable[ImportPlace], *, transaction: bool
) -> list[Chunk]:
    """A part from its annotation on, of which the line is the marker's."""
    numbers = {line.number for line in lines}
    sql = "".join(f"{line}\n" for line in _without_annotations(text, lines[1:]))
    body = Chunk(closed(unwrapped(sql) if transaction else sql), text.path, lines[0].number + 1)
    here = (place for place in places if place.line in numbers)
    return part(direction, [*stops(here), body], transaction=transaction)


def _without_annotations(text: Text, lines: Iterable[_Line], *, may_have_blocks: bool = True) -> Iterator[str]:
    """The lines of a part; an annotation leaves an empty one, or the semicolon that its statement does without."""
    begin: _Line | None = None
    block: list[str] = []
    for line in lines:
        is_block = line.annotation in ("statementbegin", "statementend")
        if is_block and ((begin is None) != (line.annotation == "statementbegin") or not may_have_blocks):
            raise _error(text, line, N_("goose takes no {line} here", line=line.text.strip()[2:].strip()), _BLOCK)
        if line.annotation == "statementbegin":
            begin, block = line, []
        elif line.annotation == "statementend":
            sql = "".join(f"{one}\n" for one in block)
            yield "" if closed(sql) == sql else ";"
            begin = None
            continue
        block.append("" if line.annotation else line.text)
        yield block[-1]
    if begin:
        raise _error(text, begin, N_("no `-- +goose StatementEnd` follows"), _BLOCK)


def _substituted(text: Text, lines: Iterable[_Line]) -> tuple[list[_Line], list[ImportPlace]]:
    """The lines with the dollars that goose sends, and those in which it puts values of the environment."""
    made: list[_Line] = []
    places: list[ImportPlace] = []
    is_on = False
    for line in lines:
        is_on = _SUBSTITUTION.get(line.annotation, is_on)
        dollars = list(_DOLLAR.finditer(line.text)) if is_on and not line.annotation else []
        variable = next((one["variable"] for one in dollars if one["variable"]), None)
        if variable:
            message = N_("{variable} is a variable of the environment: write its value.", variable=variable)
            places.append(text.place(line.number, message))
        elif dollars:
            line = line._replace(text=_DOLLAR.sub(lambda one: "$" if one["escaped"] else one[0], line.text))
        made.append(line)
    return made, places


def _read(rows: Sequence[tuple[Any, ...]], keys: Sequence[str]) -> list[Applied]:
    """Those whose last row says so; version 0 stands for an empty database."""
    last = {version: (is_applied, at) for version, is_applied, at in rows if version}
    for version, (is_applied, _) in last.items():
        if not is_applied:
            raise PlanError(
                N_(
                    "The history of goose says of version {version} that it is not applied (is_applied is false): it "
                    "was undone, or did not come to its end. Nothing was recorded. See whether the database has it, "
                    "run goose up, or delete the rows of version {version} from that table; then run this again.",
                    version=version,
                )
            )
    return [Applied(str(version), at) for version, (_, at) in last.items()]


def _is_own(text: Text) -> bool:
    if text.name.endswith(".go"):
        return bool(_NAME.fullmatch(text.name)) and "goose" in text.text
    return text.name.endswith(".sql") and bool(_ANY.search(text.text))


TOOL = Tool(
    "goose",
    convert,
    _is_own,
    HistoryTable("goose_db_version", ("version_id::bigint", "is_applied::boolean", "tstamp::timestamptz"), "id", _read),
)
