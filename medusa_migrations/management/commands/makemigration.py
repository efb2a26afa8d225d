from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.apps import apps
from django.core.checks import Tags
from django.core.management.base import CommandError, CommandParser, SystemCheckError

from medusa_migrations import api
from medusa_migrations.conf import shown_path
from medusa_migrations.errors import PlanError
from medusa_migrations.management.base import MigrationCommand, add_database, add_json
from medusa_migrations.management.baselines import apps_of, next_steps, refuse_without, to_look_at
from medusa_migrations.management.console import Console, deliver, written
from medusa_migrations.management.documents import baseline_json, generated_json, made_json
from medusa_migrations.management.questions import add_no_input, answer, can_ask, is_confirmed
from medusa_migrations.messages import N_
from medusa_migrations.results import BaselineResult, GenerateResult, MadeFile


class Command(MigrationCommand):
    help = N_("Writes a migration for an app: an empty one, or what its models say and its tables do not.")

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        """What stands before options may go on behind them: several apps, and NAME."""
        parser = super().create_parser(*args, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]  # of this one parser
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", metavar="APP", help=N_("The label of the app."))
        parser.add_argument(
            "more",
            metavar="APP|NAME",
            nargs="*",
            help=N_(
                'NAME is what it does, such as add_slug, AddSlug or "add slug". With --generate it may be left out, '
                "and there may be several apps: each word that is the label of an installed app is one, and a last one "
                "that is none is NAME. With --baseline all are labels."
            ),
        )
        parser.add_argument(
            "--timestamp", metavar="TS", help=N_("YYYYMMDDHHMMSS, UTC. Default: now, after all that are there.")
        )
        parser.add_argument("--dry-run", action="store_true", help=N_("Print the file instead of writing it."))
        parser.add_argument("--python", action="store_true", help=N_("Write it in Python, with the migration API."))
        generate = parser.add_argument_group(N_("from the models"))
        generate.add_argument(
            "--generate", action="store_true", help=N_("Compare the models with the database, and write what differs.")
        )
        generate.add_argument(
            "--check", action="store_true", help=N_("Exit with 1 if there are differences; write nothing.")
        )
        generate.add_argument(
            "--rename",
            action="append",
            default=[],
            metavar="OLD=NEW",
            help=N_("table=new or table.column=new, the table by its name in the database today."),
        )
        generate.add_argument(
            "--drop-tables", action="store_true", help=N_("Drop the tables of models that are gone too.")
        )
        generate.add_argument(
            "--online",
            action="store_true",
            help=N_("In up to three files that lock no table for long: before the new code, a backfill, and after it."),
        )
        generate.add_argument(
            "--rename-constraints",
            action="store_true",
            help=N_("Write a file that gives constraints, indexes and sequences the names that Django would."),
        )
        baseline = parser.add_argument_group(N_("from the tables"))
        baseline.add_argument(
            "--baseline",
            action="store_true",
            help=N_("Write the live tables of the apps under their live names, and record that as applied."),
        )
        baseline.add_argument(
            "--scratch",
            metavar="NAME",
            help=N_("Prove it in this empty database of the same server, and leave it empty."),
        )
        add_no_input(generate)
        add_database(generate)
        add_json(parser)

    def work(self, **options: Any) -> None:
        options["words"] = _words(options)
        if options["baseline"]:
            self.baseline(options)
            return
        refuse_without(options)
        labels, name = _apps_and_name(options["words"], several=options["generate"])
        options |= {"apps": labels, "name": name}
        if options["generate"]:
            if options["python"]:
                raise PlanError(N_("--python and --generate cannot go together: what is generated is SQL."))
            self.generate(options)
            return
        meant = [name for name in ("check", "rename", "drop_tables", "online", "rename_constraints") if options[name]]
        if meant:
            raise PlanError(N_("--{option} goes with --generate only.", option=meant[0].replace("_", "-")))
        if not name:
            raise PlanError(
                N_("APP and NAME are needed, as in `makemigration blog add_slug`; only --generate needs no NAME.")
            )
        names = ("python", "timestamp", "dry_run")
        made = api.make(labels[0], name, **{name: options[name] for name in names})
        if options["json"]:
            deliver(self.stdout, made_json(made, with_text=options["dry_run"]))
        self.report(made, options)

    def on_error(self, error: Exception, options: dict[str, Any]) -> None:
        if not options["json"]:
            return
        if options["baseline"]:
            document = baseline_json(
                BaselineResult(options["database"]), with_text=options["dry_run"], error=str(error)
            )
        elif options["generate"]:
            nothing = GenerateResult(options["database"])
            document = generated_json(nothing, **_how(options), error=str(error))
        else:
            document = made_json(None, with_text=options["dry_run"], error=str(error))
        written(self.stdout, document)

    def baseline(self, options: dict[str, Any]) -> None:
        from medusa_migrations.management.stop import (
            stopped_by_signals,  # most runs make an empty file, and need little
        )
        from medusa_migrations.verify.app import AGAIN

        labels = apps_of(options)
        with stopped_by_signals(next_step=AGAIN) as interruption, self.console(options) as listener:
            names = ("database", "dry_run", "timestamp", "scratch")
            how = {name: options[name] for name in names}
            result = api.baseline(labels, **how, listener=listener, interruption=interruption)
        if options["json"]:
            deliver(self.stdout, baseline_json(result, with_text=options["dry_run"]))
        for line in to_look_at(result) if options["verbosity"] else ():
            self.stderr.write(line, self.style.WARNING)
        for made in result.files:
            if options["dry_run"] and not options["json"]:
                deliver(self.stdout, f"-- {shown_path(made.path)}")
            self.report(made._replace(warnings=()), options)
        for line in next_steps(result):
            self.remark(line, options)

    def generate(self, options: dict[str, Any]) -> None:
        self.check_models(options)
        asks = options["interactive"] and not options["check"] and not options["json"] and can_ask()
        with self.console(options) as listener:
            ask = _Questions(listener)
            result = api.generate(
                options["apps"],
                options["name"],
                check=options["check"],
                dry_run=options["dry_run"],
                timestamp=options["timestamp"],
                renames=options["rename"],
                drop_tables=options["drop_tables"],
                online=options["online"],
                rename_constraints=options["rename_constraints"],
                accept=ask.rename if asks else lambda rename: False,
                value=ask.value if asks else lambda place, nothing: None,
                database=options["database"],
                listener=listener,
            )
        for warning in result.warnings if options["verbosity"] else ():
            self.stderr.write(N_("Warning: {warning}", warning=warning), self.style.WARNING)
        if options["json"]:
            deliver(self.stdout, generated_json(result, **_how(options)))
        for note in result.notes:
            self.remark(note, options)
        if not result.changes:
            self.remark(N_("No changes detected"), options)
        else:
            self.tell(result, options)

    def check_models(self, options: dict[str, Any]) -> None:
        found = [apps.get_app_config(label) for label in options["apps"] if label in apps.app_configs]
        if found:
            try:
                self.check(found, tags=[Tags.models])
            except SystemCheckError as error:
                self.on_error(error, options)
                raise

    def tell(self, result: GenerateResult, options: dict[str, Any]) -> None:
        for change in result.changes:
            self.remark(f"  {change}", options)
        for lost in result.loses if options["verbosity"] else ():
            self.stderr.write(N_("Loses data: {lost}", lost=lost), self.style.WARNING)
        for rename in result.offered if options["verbosity"] else ():
            self.stderr.write(N_("If this was renamed, add --rename {rename}", rename=rename), self.style.WARNING)
        for made in result.files:
            if result.more and options["dry_run"] and not options["json"]:
                deliver(self.stdout, f"-- {shown_path(made.path)}")
            self.report(made, options)
        if not result.made:
            named = ", ".join(map(repr, options["apps"]))
            raise CommandError(N_("The models of {named} and the database differ.", named=named))

    def report(self, made: MadeFile, options: dict[str, Any]) -> None:
        for warning in made.warnings if options["verbosity"] else ():
            self.stderr.write(N_("Warning: {warning}", warning=warning), self.style.WARNING)
        if options["dry_run"] and not options["json"]:
            deliver(self.stdout, made.text, ending="")
        text = N_("Would create {path}") if options["dry_run"] else N_("Created {path}")
        self.remark(text.filled(path=shown_path(made.path)), options)

    def remark(self, text: str, options: dict[str, Any]) -> None:
        """Say something on stdout, or on stderr with --dry-run: then stdout has the file and nothing else."""
        if not options["dry_run"] or options["json"]:
            self.say(text, options)
        elif options["verbosity"]:
            self.stderr.write(text, str)


def _apps_and_name(words: Sequence[str], *, several: bool) -> tuple[list[str], str | None]:
    """The labels and the NAME, if there is one, among the words of the command line.

    Raises PlanError for more words than there can be.
    """
    if several:
        is_name = len(words) > 1 and words[-1] not in apps.app_configs
        return list(dict.fromkeys(words[:-1] if is_name else words)), words[-1] if is_name else None
    if len(words) > 2:
        raise PlanError(
            N_(
                "Without --generate and --baseline it takes one APP and one NAME, which in several words has quotes: "
                "makemigration {app} {name!r}.",
                app=words[0],
                name=" ".join(words[1:]),
            )
        )
    return [words[0]], words[1] if len(words) > 1 else None


def _how(options: dict[str, Any]) -> dict[str, Any]:
    """What the document of what is generated has besides."""
    labels, _ = _apps_and_name(_words(options), several=True)
    return {"with_text": options["dry_run"], "listed": options["online"] or len(labels) > 1}


def _words(options: dict[str, Any]) -> list[str]:
    return [options["app"], *options["more"]]


class _Questions(NamedTuple):
    """What only a person knows, asked on a line of its own."""

    console: Console

    def value(self, place: str, nothing: str) -> str | None:
        self.console.clear()
        question = N_(
            "{place} is NOT NULL and has no default. SQL for rows that are there [{nothing}]: ",
            place=place,
            nothing=nothing,
        )
        return answer(question).strip() or None

    def rename(self, rename: str) -> bool:
        self.console.clear()
        old, _, new = rename.partition("=")
        return is_confirmed(N_("Was {old} renamed to {new}?", old=old, new=new))
