"""Every text of the admin is there in every language."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import django
import polib
import pytest
from django.utils.translation import override, to_locale

from medusa_migrations import api
from tests.support.admin_site import LIST, ONE, RUN, Site, get, page_of, problem, tables
from tests.support.projects import ROOT

PACKAGE = ROOT / "medusa_migrations"
LANGUAGES = {
    "de": ("Migrationen", "ausstehend", "Ja, diese 2 Migrationen ausführen", "Es gibt keine Migration"),
    "es": ("Migraciones", "pendiente", "Sí, ejecutar estas 2 migraciones", "No existe la migración"),
    "fr": ("Migrations", "en attente", "Oui, exécuter ces 2 migrations", "Il n’y a pas de migration"),
    "ja": ("マイグレーション", "未適用", "はい、2 件のマイグレーションを実行します", "は存在しません。"),
    "pt-br": ("Migrações", "pendente", "Sim, executar estas 2 migrações", "Não existe a migração"),
    "zh-hans": ("迁移", "待应用", "是的，执行这 2 个迁移", "没有迁移"),
}

# What to do when a test finds that the code says something else than the catalogs.
UPDATE = "Run .ci/messages, translate what is new or fuzzy, and run it again."


class Text(NamedTuple):
    """What a catalog is asked for."""

    context: str | None
    text: str
    plural: str


def catalog(language: str, kind: str) -> Path:
    return PACKAGE / "locale" / to_locale(language) / "LC_MESSAGES" / f"django.{kind}"


def text_of(entry: Any) -> Text:
    return Text(entry.msgctxt, entry.msgid, entry.msgid_plural)


def of_django(locale: str) -> Iterator[Any]:
    """What Django itself has translated of what an admin site shows."""
    for name in ("conf", "contrib/admin", "contrib/auth"):
        folder = Path(django.__file__).parent / name / "locale" / locale
        yield from polib.mofile(str(folder / "LC_MESSAGES/django.mo"))


def placeholders(text: str) -> list[str]:
    """They and the tags of HTML, in any order."""
    return sorted(re.findall(r"%\(\w+\)[a-z]|</?\w+>|{\w+[^}]*}", text))


def forms(entry: Any) -> dict[int, str]:
    return dict(entry.msgstr_plural) or {0: entry.msgstr}


@pytest.mark.skipif(not shutil.which("xgettext"), reason="no xgettext: apt-get install gettext")
def test_the_catalogs_have_the_texts_of_today(tmp_path: Path) -> None:
    today = shutil.copytree(PACKAGE, tmp_path / "today", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, ROOT / ".ci/messages", today], check=True)
    for language in LANGUAGES:
        there = catalog(language, "po")
        found, translated = (
            {text_of(one) for one in polib.pofile(str(path))} for path in (today / there.relative_to(PACKAGE), there)
        )
        assert (found - translated, translated - found) == (set(), set()), (language, UPDATE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalog_is_whole(language: str) -> None:
    found = polib.pofile(str(catalog(language, "po")))
    count = int(re.findall(r"nplurals=(\d)", found.metadata["Plural-Forms"])[0])
    for entry in found:
        assert not entry.fuzzy, (entry.msgid, UPDATE)
        assert not entry.obsolete, (entry.msgid, UPDATE)
        assert all(forms(entry).values()), (entry.msgid, UPDATE)
        assert sorted(forms(entry)) == list(range(count if entry.msgid_plural else 1)), entry.msgid
        singular, plural = placeholders(entry.msgid), placeholders(entry.msgid_plural or entry.msgid)
        for number, form in forms(entry).items():
            may_be = [singular, plural] if number < count - 1 else [plural]
            assert placeholders(form) in may_be, form


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_was_translated(language: str) -> None:
    written, compiled = polib.pofile(str(catalog(language, "po"))), polib.mofile(str(catalog(language, "mo")))
    assert {text_of(entry): forms(entry) for entry in compiled} == {
        text_of(entry): forms(entry) for entry in written
    }, UPDATE
    assert compiled.metadata["Plural-Forms"] == written.metadata["Plural-Forms"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_django_or_of_another_app_is_changed(language: str) -> None:
    """Catalogs of all apps are merged, and this app comes first.

    So what Django has too is said as Django says it, and what is but a word has a context.
    """
    theirs = {text_of(entry): set(forms(entry).values()) for entry in of_django(to_locale(language))}
    for entry in polib.pofile(str(catalog(language, "po"))):
        if text_of(entry) in theirs:
            assert set(forms(entry).values()) <= theirs[text_of(entry)]
        elif not entry.msgctxt:
            assert not re.fullmatch(r"\w+…?", entry.msgid), f"{entry.msgid}: use pgettext or `context`"


def test_the_pages_speak_the_language_of_the_browser(site: Site, settings: Any) -> None:
    assert {to_locale(language) for language in LANGUAGES} == {folder.name for folder in (PACKAGE / "locale").iterdir()}
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    tables(site, 1, 2, 3)
    api.run(to=ONE)
    client = site.admin()
    for language, (title, pending, button, error) in LANGUAGES.items():
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        with override(None, deactivate=True):  # the middleware leaves this thread in that language
            page = get(client, LIST)
            assert f"<h1>{title}</h1>" in page
            assert f">{pending}</span>" in page
            assert f'value="{button}"' in get(client, RUN)
            assert f'<html lang="{language}"' in get(client, page_of(ONE))
            assert error in problem(get(client, RUN, to="blog.nothing"))
