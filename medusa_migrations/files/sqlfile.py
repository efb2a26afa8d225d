"""The migration file in SQL: what its text says, and the text of a new one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from medusa_migrations.errors import FileError, Location, locate, nearest
from medusa_migrations.messages import N_
from medusa_migrations.migration import FEATURE, LINT_CODES, Allowed, Direction, Part, Phase, is_dependency
from medusa_migrations.sql.scanner import Comment, Statement, scan, starts_line
from medusa_migrations.sql.tokens import ScanError

from . import sections
from .baseline import problem_beside_baseline, problem_of_baseline
from .refused import refused
from .repeatable import not_again, problem_of_depends, problem_of_drops, problem_of_parts, problem_of_replace
from .sections import Problem, Section

TEMPLATE = "-- migrate:up\n\n\n-- migrate:down\n\n"

# dbmate's markers: two dashes at the start of a line, white space or none, `migrate:` and a word. What merely
# looks like one is matched too, so that a misspelt marker is an error and not a comment.
DIRECTIVE = re.compile(r"--[ \t]*migrate[ \t]*:[ \t]*([\w-]*)[ \t]*([^\n\r]*)", re.IGNORECASE)
# A slip in `migrate` itself, or no colon: in a file without a down part that is one, and no comment.
_ALMOST_DOWN = re.compile(r"-{2,}[ \t]*([a-z]+)[ \t]*[:;.=-]?[ \t]*down[ \t]*(?:transaction\S*)?", re.IGNORECASE)
_EXACT = re.compile(r"--[ \t]*migrate:\S")

_WORDS = ("up", "down", "depends", "feature", "keep", "allow", "phase", "drops", "replace", "baseline")
_OPTIONS = {"transaction:true": True, "transaction:false": False}


@dataclass(slots=True)
class ParsedFile:
    """What a file says; `text` is all of it, `warnings` say what its author may not have meant."""

    text: str
    up: Part
    down: Part | None = None
    depends: tuple[str, ...] = ()
    feature: str | None = None
    keep: tuple[str, ...] = ()
    description: str = ""
    allow: tuple[str, ...] = ()
    phase: Phase = "before"
    drops: tuple[str, ...] = ()
    replace: bool = False
    baseline: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def checksum(self) -> str:
        """The checksum of the up part."""
        return self.up.checksum(self.text)


def parse(text: str, path: str, *, repeatable: bool = False) -> ParsedFile:
    """What the migration file with this `text` (from `text.decode`) says; `path` is for messages.

    Raises FileError with the place and the cure for whatever the format does not allow.
    """
    return _Parser(text, path, repeatable=repeatable).parse()


def parse_stored(down: str, path: str) -> Part:
    """Where the SQL is in `down`, the text of a down part that `store` made; `path` is for messages.

    Raises FileError if it cannot be split into statements.
    """
    marker = DIRECTIVE.match(down)
    transaction = _OPTIONS.get(marker[2].strip()) if marker else None
    start = down.find("\n") + 1 if marker else 0
    try:
        copies = any(isinstance(item, Statement) and item.data for item in scan(down[start:]))
    except ScanError as error:
        raise FileError(error.problem, locate(path, down, start + error.offset), error.cure) from None
    return Part(start, len(down), 2 if marker else 1, transaction, copies)


def depends_places(text: str, path: str, word: str = "depends") -> Iterator[tuple[int, int, str]]:
    """The lines of a file's header that say what it depends on: from where to where, and what that is.

    With another `word` they are those of that directive.

    Raises FileError for what is not closed.
    """
    try:
        for item in scan(text, DIRECTIVE):
            directive = DIRECTIVE.match(text, item.start) if starts_line(text, item.start) else None
            if directive and directive[1] == "up":
                return
            if directive and directive[1] == word:
                yield item.start, directive.end(), directive[2].strip()
    except ScanError as error:
        raise FileError(error.problem, locate(path, text, error.offset), error.cure) from None


class _Parser:
    """Takes the statements and comments of a file one by one, and refuses what the format does not allow."""

    def __init__(self, text: str, path: str, *, repeatable: bool) -> None:
        self.text, self.path, self.repeatable = text, path, repeatable
        self.sections: list[Section] = []
        self.depends: list[str] = []
        self.feature: str | None = None
        self.keep: list[str] = []
        self.allow: list[str] = []
        self.phase: Phase = "before"
        self.drops: dict[str, int] = {}
        self.replace_at: int | None = None
        self.baseline_at: int | None = None
        self.notes: list[str] = []
        self.almost_down: Comment | None = None
        self.warnings: list[str] = []

    def parse(self) -> ParsedFile:
        for item in self.items():
            if isinstance(item, Statement):
                self.take_statement(item)
            else:
                self.take_comment(item)
        if not self.sections:
            raise FileError(
                N_("there is no up part"), self.path, N_("Put a line `-- migrate:up` above the SQL that migrates.")
            )
        if self.almost_down:
            start, end = self.almost_down.start, self.almost_down.end
            raise self.unknown_directive(self.text[start:end], "down", start)
        self.refuse(sections.problem(self.sections, self.text))
        drops_at = next(iter(self.drops.values()), None)
        self.refuse(problem_of_parts(self.sections, drops_at, self.replace_at, repeatable=self.repeatable))
        if self.baseline_at is not None:
            self.refuse(problem_beside_baseline(self.sections, self.baseline_at, self.phase, drops_at))
        for section in self.sections:
            self.refuse(refused(section, self.text, repeatable=self.repeatable))
        up, down = (sections.part(direction, self.sections, self.text) for direction in Direction)
        assert up is not None  # the first section is one
        if self.repeatable and self.replace_at is None:
            self.warn_of_what_fails_again()
        return ParsedFile(
            text=self.text,
            up=up,
            down=down,
            depends=tuple(dict.fromkeys(self.depends)),
            feature=self.feature,
            keep=tuple(dict.fromkeys(self.keep)),
            description="\n".join(self.notes).strip(),
            allow=tuple(dict.fromkeys(self.allow)),
            phase=self.phase,
            drops=tuple(self.drops),
            replace=self.replace_at is not None,
            baseline=self.baseline_at is not None,
            warnings=self.warnings,
        )

    def warn_of_what_fails_again(self) -> None:
        ups = (section for section in self.sections if section.direction is Direction.UP)
        for statement in not_again(one for section in ups for one in section.statements):
            self.warnings.append(
                N_(
                    "{place}: this is run again whenever the file changes, and fails where what it makes is there. "
                    "Write OR REPLACE or IF NOT EXISTS, or `-- migrate:replace` into the header.",
                    place=self.place(statement.start),
                )
            )

    def items(self) -> Iterator[Statement | Comment]:
        try:
            yield from scan(self.text, DIRECTIVE)
        except ScanError as error:
            raise self.error(error.problem, error.offset, error.cure) from None

    def error(self, problem: str, offset: int, cure: str) -> FileError:
        return FileError(problem, self.place(offset), cure)

    def refuse(self, problem: Problem | None) -> None:
        if problem:
            raise self.error(*problem)

    def place(self, offset: int) -> Location:
        return locate(self.path, self.text, offset)

    def take_statement(self, statement: Statement) -> None:
        if not self.sections:
            raise self.error(
                N_("SQL before the up part"), statement.start, N_("Put the line `-- migrate:up` above it.")
            )
        self.sections[-1].statements.append(statement)

    def take_comment(self, comment: Comment) -> None:
        directive = DIRECTIVE.match(self.text, comment.start)
        if self.text[comment.start] == "\\":
            self.cut(comment)
        elif directive and starts_line(self.text, comment.start):
            self.take_directive(comment, directive)
        elif directive and self.is_indented(comment.start):
            self.warnings.append(
                N_(
                    "{place}: a marker counts only at the very start of a line; this one is a comment: {line}",
                    place=self.place(comment.start),
                    line=directive[0].strip(),
                )
            )
        elif not self.sections:
            self.notes.append(_plain(self.text[comment.start : comment.end]))
        elif self.sections[-1].direction is Direction.UP and self.is_almost_down(comment):
            self.almost_down = self.almost_down or comment

    def is_indented(self, offset: int) -> bool:
        """Whether nothing but white space is before `offset` in its line."""
        while offset and self.text[offset - 1] in " \t\f\v":
            offset -= 1
        return starts_line(self.text, offset)

    def cut(self, line: Comment) -> None:
        """Leave out a line that only psql can read."""
        if self.sections:
            self.sections[-1].cuts.append((line.start, line.end))

    def is_almost_down(self, comment: Comment) -> bool:
        """Whether a line is the down part's marker but for a slip."""
        if not starts_line(self.text, comment.start):
            return False
        almost = _ALMOST_DOWN.fullmatch(self.text[comment.start : comment.end].rstrip())
        return bool(almost and difflib.get_close_matches(almost[1].lower(), ["migrate"], cutoff=0.75))

    def unknown_directive(self, line: str, word: str, start: int) -> FileError:
        known = [f"migrate:{word}" for word in _WORDS]
        hint = nearest(f"migrate:{word.lower()}", known)
        cure = N_("Known are {known}.{hint}", known=", ".join(known), hint=hint)
        return self.error(N_("unknown directive: {line}", line=line.strip()), start, cure)

    def take_directive(self, comment: Comment, directive: re.Match[str]) -> None:
        word, argument, start = directive[1], directive[2].strip(), comment.start
        if word not in _WORDS or not _EXACT.match(directive[0]):
            raise self.unknown_directive(directive[0], word, start)
        if word in ("up", "down"):
            self.take_marker(Direction(word), argument, comment)
        elif word == "allow" and self.sections:
            self.allow_statement(argument, start)
        elif self.sections:
            raise self.error(
                N_("migrate:{word} belongs into the header", word=word), start, N_("Move it above `-- migrate:up`.")
            )
        elif word == "depends":
            self.depends.append(self.dependency(argument, start))
        elif word == "allow":
            self.allow.append(self.allowed(argument, start))
        elif word == "phase":
            self.phase = self.named_phase(argument, start)
        elif word == "drops":
            self.refuse(problem_of_drops(argument, start, repeatable=self.repeatable))
            self.drops.setdefault(argument, start)
        elif word == "replace":
            self.refuse(problem_of_replace(argument, start, repeatable=self.repeatable))
            self.replace_at = start
        elif word == "baseline":
            is_second = self.baseline_at is not None
            self.refuse(problem_of_baseline(argument, start, repeatable=self.repeatable, is_second=is_second))
            self.baseline_at = start
        elif word == "keep":
            table, dot, name = argument.partition(".")
            if not (table and dot and name) or len(argument.split()) != 1:
                raise self.error(
                    N_("migrate:keep names an object as table.object"), start, N_("For example: blog_post.search_ix")
                )
            self.keep.append(argument)
        elif self.feature is not None or not FEATURE.fullmatch(argument):
            problem = N_("two features") if self.feature else N_("migrate:feature names one feature")
            raise self.error(problem, start, N_("Write one line such as `-- migrate:feature product_categories`."))
        else:
            self.feature = argument

    def dependency(self, argument: str, start: int) -> str:
        self.refuse(problem_of_depends(argument, start, repeatable=self.repeatable))
        if is_dependency(argument):
            return argument
        raise self.error(
            N_("migrate:depends names one migration"),
            start,
            N_("Write app.20230701000000_name, or for Django's migrations auth.0012_name or auth; a line for each."),
        )

    def named_phase(self, argument: str, start: int) -> Phase:
        if argument == "after":
            return "after"
        raise self.error(
            N_("migrate:phase takes the word after"),
            start,
            N_(
                "Write `-- migrate:phase after` for what is to run after the new code is live; without the line it "
                "runs before."
            ),
        )

    def allowed(self, argument: str, start: int) -> str:
        if Allowed.parse(argument):
            return argument
        word = argument.split(" ")[0].rstrip(":")
        raise self.error(
            N_("migrate:allow names what is found and says why it may be"),
            start,
            N_(
                "Write `-- migrate:allow CODE [TABLE]: reason`, or `drift KIND NAME: reason`, such as `drift "
                "extension pg_trgm: another app uses it`. Codes are {codes}.{hint}",
                codes=", ".join(LINT_CODES),
                hint=nearest(word, LINT_CODES),
            ),
        )

    def allow_statement(self, argument: str, start: int) -> None:
        """Check what stands above a statement; lint reads it there."""
        if (allowed := Allowed.parse(self.allowed(argument, start))) and allowed.code == "drift":
            raise self.error(
                N_("migrate:allow drift belongs into the header"), start, N_("Move it above `-- migrate:up`.")
            )

    def take_marker(self, direction: Direction, argument: str, comment: Comment) -> None:
        if direction is Direction.DOWN:
            self.check_down(comment)
            self.almost_down = None  # only a comment: here is the marker
        options = argument.split()
        unknown = next((option for option in options if option not in _OPTIONS), None)
        if unknown or len(options) > 1:
            raise self.error(
                N_("unknown option: {option}", option=unknown or argument),
                comment.start,
                N_(
                    "migrate:{direction} takes transaction:false or nothing.{hint}",
                    direction=direction,
                    hint=nearest(unknown or "", _OPTIONS),
                ),
            )
        transaction = _OPTIONS[options[0]] if options else None
        self.sections.append(Section(direction, comment.start, comment.end, transaction))

    def check_down(self, comment: Comment) -> None:
        if not self.sections:
            raise self.error(N_("migrate:down before migrate:up"), comment.start, N_("Put the up part first."))
        if self.sections[-1].direction is Direction.DOWN:
            cure = N_("Join the two, or put the up part that this one undoes between them.")
            raise self.error(N_("a second migrate:down behind one migrate:up"), comment.start, cure)


def _plain(comment: str) -> str:
    """The text of a comment without its dashes or stars."""
    if comment.startswith("--"):
        return comment.lstrip("-").strip()
    lines = comment[2:-2].splitlines()
    return "\n".join(line.strip().lstrip("*").strip() for line in lines).strip()
