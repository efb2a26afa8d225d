"""Settings and features: each key, each wrong value, and what the message says."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from medusa_migrations import conf
from medusa_migrations.errors import SettingsError

KEYS = [name.upper() for name in conf.Settings._fields]


def given_settings(values: Any, **others: Any) -> conf.Settings:
    with override_settings(MEDUSA_MIGRATIONS=values, **others):
        return conf.get_settings()


def refusal(values: Any, **others: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        given_settings(values, **others)
    return str(caught.value)


def test_everything_has_a_default(tmp_path: Path) -> None:
    assert given_settings({}, BASE_DIR=tmp_path, DEBUG=False) == conf.Settings(
        dist_dir=tmp_path.resolve() / "dist/migrations",
        auto_build=False,
        source_dir="sql_migrations",
        transaction="each",
        lock_wait=60,
        lock_timeout="5s",
        statement_timeout=None,
        retries=3,
        features={},
        ignore=(),
        run_on_migrate=True,
        admin=True,
    )


def test_the_setting_may_be_left_out_altogether(tmp_path: Path) -> None:
    with override_settings(MEDUSA_MIGRATIONS={}, BASE_DIR=tmp_path):
        del django_settings.MEDUSA_MIGRATIONS
        assert conf.get_settings().retries == 3


@pytest.mark.parametrize("debug", [True, False])
def test_auto_build_is_debug(debug: bool) -> None:
    assert given_settings({}, DEBUG=debug).auto_build is debug
    assert given_settings({"AUTO_BUILD": not debug}, DEBUG=debug).auto_build is not debug


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("DIST_DIR", "/srv/dist", Path("/srv/dist")),
        ("DIST_DIR", Path("/srv/dist"), Path("/srv/dist")),
        ("SOURCE_DIR", "migrations_sql", "migrations_sql"),
        ("AUTO_BUILD", True, True),
        ("TRANSACTION", "all", "all"),
        ("TRANSACTION", "none", "none"),
        ("LOCK_WAIT", 0, 0),
        ("LOCK_WAIT", 1.5, 1.5),
        ("LOCK_TIMEOUT", None, None),
        ("LOCK_TIMEOUT", "250ms", "250ms"),
        ("LOCK_TIMEOUT", " 1.5 min ", "1.5 min"),
        ("LOCK_TIMEOUT", 5000, "5000"),
        ("LOCK_TIMEOUT", 0, "0"),
        ("STATEMENT_TIMEOUT", "10min", "10min"),
        ("STATEMENT_TIMEOUT", "2h", "2h"),
        ("STATEMENT_TIMEOUT", "1d", "1d"),
        ("STATEMENT_TIMEOUT", "900us", "900us"),
        ("RETRIES", 0, 0),
        ("FEATURES", {"shop": True, "old-shop": False}, {"shop": True, "old-shop": False}),
        ("FEATURES", OrderedDict(shop=True), {"shop": True}),
        ("IGNORE", ["blog_post.search_*"], ("blog_post.search_*",)),
        ("IGNORE", (), ()),
        ("RUN_ON_MIGRATE", False, False),
        ("ADMIN", False, False),
        ("OUT_OF_ORDER", "error", "error"),
        ("LINEAR", True, True),
        ("LINEAR", False, False),
        ("LINEAR", ["blog"], ("blog",)),
        ("LINEAR", [], ()),
        ("SQL_SINCE", {"blog": "0123_last"}, {"blog": "0123_last"}),
        ("SQL_SINCE", {}, {}),
    ],
)
def test_a_good_value_is_taken(key: str, value: object, read: object) -> None:
    assert getattr(given_settings({key: value}), key.lower()) == read


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DIST_DIR", None),
        ("DIST_DIR", ""),
        ("DIST_DIR", 5),
        ("DIST_DIR", b"/srv"),
        ("SOURCE_DIR", "a/b"),
        ("SOURCE_DIR", ".."),
        ("SOURCE_DIR", ""),
        ("SOURCE_DIR", Path("sql")),
        ("SOURCE_DIR", None),
        ("AUTO_BUILD", "true"),
        ("AUTO_BUILD", 1),
        ("AUTO_BUILD", None),
        ("TRANSACTION", "every"),
        ("TRANSACTION", None),
        ("TRANSACTION", ["each"]),
        ("LOCK_WAIT", -1),
        ("LOCK_WAIT", "60"),
        ("LOCK_WAIT", True),
        ("LOCK_WAIT", None),
        ("LOCK_WAIT", float("nan")),
        ("LOCK_WAIT", float("inf")),
        ("LOCK_WAIT", Decimal(5)),
        ("LOCK_TIMEOUT", ""),
        ("LOCK_TIMEOUT", "soon"),
        ("LOCK_TIMEOUT", "5 seconds"),
        ("LOCK_TIMEOUT", "5S"),
        ("LOCK_TIMEOUT", "-5s"),
        ("LOCK_TIMEOUT", "5s'; DROP TABLE author; --"),
        ("LOCK_TIMEOUT", "٥s"),
        ("LOCK_TIMEOUT", -5),
        ("LOCK_TIMEOUT", 1.5),
        ("LOCK_TIMEOUT", True),
        ("STATEMENT_TIMEOUT", "1w"),
        ("STATEMENT_TIMEOUT", ["1s"]),
        ("RETRIES", -1),
        ("RETRIES", 1.0),
        ("RETRIES", "3"),
        ("RETRIES", True),
        ("RETRIES", None),
        ("FEATURES", ["shop"]),
        ("FEATURES", {"shop": 1}),
        ("FEATURES", {"shop": "on"}),
        ("FEATURES", {1: True}),
        ("FEATURES", None),
        ("IGNORE", "blog_post.*"),
        ("IGNORE", [1]),
        ("IGNORE", None),
        ("RUN_ON_MIGRATE", 0),
        ("ADMIN", "no"),
        ("OUT_OF_ORDER", True),
        ("OUT_OF_ORDER", None),
        ("LINEAR", "blog"),
        ("LINEAR", [1]),
        ("LINEAR", 1),
        ("LINEAR", None),
        ("SQL_SINCE", "0123_last"),
        ("SQL_SINCE", {"blog": 123}),
        ("SQL_SINCE", {"blog": ""}),
        ("SQL_SINCE", {1: "0123_last"}),
        ("SQL_SINCE", None),
    ],
)
def test_a_wrong_value_is_refused_by_key_and_value(key: str, value: object) -> None:
    message = refusal({key: value})
    assert f"MEDUSA_MIGRATIONS[{key!r}] is {value!r}" in message
    assert "It must be " in message


def test_a_misspelt_transaction_mode_gets_the_nearest_one() -> None:
    assert "Did you mean 'each'?" in refusal({"TRANSACTION": "eahc"})


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"OUT_OF_ORDER": "eror"}, "Did you mean 'error'?"),
        ({"LINEAR": ["blgo"]}, "'blgo', which is the label of no installed app. Did you mean 'blog'?"),
        ({"SQL_SINCE": {"blgo": "0001"}}, "'blgo', which is the label of no installed app. Did you mean 'blog'?"),
    ],
)
def test_a_misspelt_value_gets_the_nearest_one(values: dict[str, object], hint: str) -> None:
    assert hint in refusal(values)


@pytest.mark.parametrize("key", KEYS)
def test_a_misspelt_key_gets_the_nearest_right_one(key: str) -> None:
    for wrong in (key[:-1], key + "S", key.lower(), key.replace("_", "-").title()):
        assert f"unknown key {wrong!r}. Did you mean {key!r}?" in refusal({wrong: True})


@pytest.mark.parametrize("key", ["", 7, "WHATEVER", ("a", "b")])
def test_a_key_like_no_other_gets_the_list(key: object) -> None:
    message = refusal({key: True})
    assert all(known in message for known in KEYS)


@pytest.mark.parametrize("value", [None, "x", ["DIST_DIR"], 5])
def test_the_setting_itself_must_be_a_dictionary(value: object) -> None:
    assert "MEDUSA_MIGRATIONS must be a dictionary" in refusal(value)


@given(
    st.dictionaries(
        st.text() | st.sampled_from(KEYS) | st.integers(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,  # no setting is looked into deeper
        ),
        max_size=len(KEYS),
    )
)
def test_whatever_is_set_gives_settings_or_a_settings_error(values: dict[Any, Any]) -> None:
    with contextlib.suppress(SettingsError):
        given_settings(values)


def test_a_relative_dist_dir_is_below_base_dir_wherever_the_process_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    for base in (tmp_path, str(tmp_path)):
        assert given_settings({"DIST_DIR": "out/sql"}, BASE_DIR=base).dist_dir == tmp_path.resolve() / "out/sql"


@pytest.mark.parametrize("base", [None, ""])
def test_without_base_dir_dist_needs_a_place(base: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal({}, BASE_DIR=base)
    assert "BASE_DIR" in message
    assert "DIST_DIR" in message
    assert given_settings({"DIST_DIR": str(tmp_path)}, BASE_DIR=base).dist_dir == tmp_path
    monkeypatch.chdir(tmp_path)
    assert given_settings({"DIST_DIR": "out"}, BASE_DIR=base).dist_dir == tmp_path / "out"


def test_without_a_setting_base_dir_dist_needs_a_place() -> None:
    with override_settings(MEDUSA_MIGRATIONS={}, BASE_DIR="x"):
        del django_settings.BASE_DIR
        with pytest.raises(SettingsError, match="BASE_DIR"):
            conf.get_settings()


def test_a_base_dir_that_is_no_path_is_no_traceback() -> None:
    assert "BASE_DIR" in refusal({}, BASE_DIR=5)


def test_an_option_is_checked_as_its_setting_is_and_called_by_its_own_name() -> None:
    assert conf.checked("lock_timeout", "1s") == "1s"
    with pytest.raises(SettingsError, match=r"^lock_timeout is 'soon'\. It must be a PostgreSQL duration"):
        conf.checked("lock_timeout", "soon")


@given(st.integers(0, 10**6), st.sampled_from(["us", "ms", "s", "min", "h", "d", ""]), st.sampled_from(["", " "]))
def test_a_duration_stays_as_it_is_written(number: int, unit: str, space: str) -> None:
    assert conf.duration(f"{number}{space}{unit}") == f"{number}{space}{unit}".strip()


@pytest.mark.parametrize("space", ["\u00a0", "\u2003"])
def test_only_ascii_white_space_may_stand_before_the_unit(space: str) -> None:
    """PostgreSQL takes no other, so a run would fail on it at its first statement."""
    assert "duration" in refusal({"LOCK_TIMEOUT": f"5{space}s"})


@pytest.mark.parametrize(
    ("setting", "environment", "on"),
    [
        ({}, None, False),
        ({"shop": True}, None, True),
        ({"shop": False}, None, False),
        ({"Shop": True}, None, False),
        ({"shop": True}, "0", False),
        ({"shop": True}, "", False),
        ({"shop": True}, " Off ", False),
        ({"shop": False}, "1", True),
        ({}, "true", True),
        ({}, "TRUE", True),
        ({}, "Yes", True),
        ({}, " on\n", True),
        ({}, "no", False),
        ({}, "false", False),
    ],
)
def test_the_environment_wins_over_the_setting(
    setting: dict[str, bool], environment: str | None, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDUSA_FEATURE_SHOP", raising=False)
    if environment is not None:
        monkeypatch.setenv("MEDUSA_FEATURE_SHOP", environment)
    assert given_settings({"FEATURES": setting}).is_on("shop") is on


@pytest.mark.parametrize("value", ["2", "enabled", "y", "maybe"])
def test_a_wrong_value_in_the_environment_is_refused_by_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDUSA_FEATURE_SHOP", value)
    with pytest.raises(SettingsError, match=f"MEDUSA_FEATURE_SHOP is '{value}'"):
        given_settings({}).is_on("shop")


@pytest.mark.parametrize(
    ("feature", "variable"),
    [
        ("product_categories", "MEDUSA_FEATURE_PRODUCT_CATEGORIES"),
        ("product-categories", "MEDUSA_FEATURE_PRODUCT_CATEGORIES"),
        ("product.categories", "MEDUSA_FEATURE_PRODUCT_CATEGORIES"),
        ("v2", "MEDUSA_FEATURE_V2"),
    ],
)
def test_the_variable_has_the_features_name_in_capitals(
    feature: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert given_settings({}).is_on(feature)


@pytest.mark.parametrize("value", ["before", "after"])
def test_a_phase_is_one_of_two(value: str) -> None:
    assert conf.phase(value) == value


@pytest.mark.parametrize("value", ["", "later", "BEFORE", None, 1])
def test_what_is_no_phase_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match=r"phase is .+ It must be 'before' or 'after'\."):
        conf.phase(value)


@pytest.mark.parametrize("value", ["before", "no phase"])
def test_in_tests_the_phase_of_the_environment_does_not_count(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MEDUSA_PHASE", value)
    assert conf.phase_of_environment() is None
