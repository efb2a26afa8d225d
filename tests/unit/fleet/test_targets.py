"""What FLEETS may say, what each wrong value is told, and the targets that come of it; no database is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from medusa_migrations import conf
from medusa_migrations.database.destination import FleetTarget, destination, options_for, settings_of
from medusa_migrations.database.schema_session import with_search_path
from medusa_migrations.errors import PlanError, SettingsError
from medusa_migrations.fleet.targets import target, targets
from medusa_migrations.management.checks import check_fleets

SECRET = "s3cret"


def given(fleet: Any, **others: Any) -> Any:
    return override_settings(MEDUSA_MIGRATIONS={"FLEETS": {"f": fleet}} | others)


def some_targets() -> list[Any]:
    return ["default", {"schema": "t1"}, FleetTarget("x", schema="t2")]


def no_targets() -> str:
    return "t1"


def a_token() -> dict[str, Any]:
    return {"PASSWORD": SECRET, "NMAE": "x"}


NO_CALLABLE = 7


def raises() -> list[Any]:
    raise ValueError("no such tenant")


def needs_more(more: str) -> list[Any]:
    return [more]


def no_token() -> dict[str, Any]:
    raise KeyError("token")


HERE = f"{__name__}.{{}}"


def refusal(fleet: Any, **others: Any) -> str:
    with given(fleet, **others), pytest.raises(SettingsError) as caught:
        targets("f")
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        ([], "['f'] must be a dictionary such as {'TARGETS': 'shop.tenants.targets'}."),
        ({}, "['f'] has no 'TARGETS', which tells what the fleet is of."),
        ({"TARGETS": [], "SERACH_PATH": []}, "an unknown key 'SERACH_PATH'. Did you mean 'SEARCH_PATH'?"),
        (
            {"TARGETS": [], "X": 8},
            "an unknown key 'X'. Known are TARGETS, DATABASE, APPS, SEARCH_PATH, AFTER, CONTROL,",
        ),
        ({"TARGETS": [], "AFTER": ["defualt"]}, "names 'defualt', which is no alias of DATABASES and no other fleet."),
        ({"TARGETS": [], "AFTER": ["f"]}, "['AFTER'] names 'f', which is no alias of DATABASES and no other fleet."),
        ({"TARGETS": [], "AFTER": "default"}, "['AFTER'] must be a list of aliases and fleets, such as ['default']."),
        ({"TARGETS": [], "CONTROL": "x"}, "['CONTROL'] is 'x', which is no alias of DATABASES."),
        ({"TARGETS": [{"schema": "a", "stage": 0}]}, "the stage of the target 'a' is 0. It must be a whole number"),
        ({"TARGETS": "targets"}, "['TARGETS'] must be the dotted path of a callable such as 'shop.tenants.targets'"),
        ({"TARGETS": 7}, "['TARGETS'] must be the dotted path"),
        ({"TARGETS": {"SQL": ""}}, "['TARGETS'] must be the dotted path"),
        ({"TARGETS": {"SQLS": "SELECT"}}, "['TARGETS'] has an unknown key 'SQLS'. Did you mean 'SQL'?"),
        ({"TARGETS": {"SQL": "S", "DATABASE": "x"}}, "['DATABASE'] is 'x', which is no alias of DATABASES."),
        ({"TARGETS": [], "DATABASE": "defalt"}, "which is no alias of DATABASES. Did you mean 'default'?"),
        ({"TARGETS": [], "APPS": ["blgo"]}, "the label of no installed app. Did you mean 'blog'?"),
        ({"TARGETS": [], "APPS": "blog"}, "['APPS'] must be a list of app labels such as ['shop'], or None."),
        ({"TARGETS": [], "SEARCH_PATH": []}, "must be a list of schemas that begins with '{schema}'"),
        ({"TARGETS": [], "SEARCH_PATH": ["public", "{schema}"]}, "a list of schemas that begins with '{schema}'"),
        ({"TARGETS": [], "SEARCH_PATH": ["{schema}", "$user"]}, "a list of schemas that begins with '{schema}'"),
        ({"TARGETS": ["t1"]}, "has the target 't1', which is no alias of DATABASES. A schema is written as {'schema'"),
        ({"TARGETS": [7]}, "has a target that is int. It must be an alias of DATABASES, a dictionary such as"),
        ({"TARGETS": [{"settings": {"PASSWORD": SECRET}}]}, "has a target without a name. Give it one"),
        ({"TARGETS": [{"schmea": "t1"}]}, "a target has an unknown key 'schmea'. Did you mean 'schema'?"),
        ({"TARGETS": [{"schema": "$user"}]}, "has the schema '$user', which no search_path can name. Rename it."),
        ({"TARGETS": [{"name": "a", "schema": ""}]}, "has the schema '', which no search_path can name."),
        ({"TARGETS": [{"schema": "a\nb"}]}, "Its name must be a text that can be shown: give 'name'."),
        ({"TARGETS": [{"name": 7}]}, "has the target 7. Its name must be a text that can be shown"),
        ({"TARGETS": [{"name": "a", "database": "b"}]}, "has the database 'b', which is no alias of DATABASES."),
        (
            {"TARGETS": [{"name": "a", "settings": {"PASSWORD": SECRET, "name": "x"}}]},
            "the target 'a': 'settings' has an unknown key 'name'. Known are NAME, HOST, PORT, USER, PASSWORD,",
        ),
        ({"TARGETS": [{"name": "a", "settings": SECRET}]}, "has settings that are str. They must be a dictionary."),
        ({"TARGETS": [{"schema": "a"}, {"schema": "a"}]}, "has two targets with the name 'a'. Give each its own."),
        (
            {"TARGETS": [{"schema": "a"}, {"name": "b", "schema": "a", "database": "default"}]},
            "the targets 'a' and 'b' are one place. Leave one out.",
        ),
        ({"TARGETS": ["default", {"name": "other"}]}, "the targets 'default' and 'other' are one place."),
        ({"TARGETS": "shop.tenants.targets"}, "is 'shop.tenants.targets', which cannot be imported: No module named"),
        ({"TARGETS": f"{__name__}.NO_CALLABLE"}, "cannot be called: it is of the type int."),
        ({"TARGETS": f"{__name__}.no_targets"}, "no_targets gives str. It must give a list of targets."),
        ({"TARGETS": HERE.format("raises")}, f"raises failed: ValueError: no such tenant ({__file__}:"),
        ({"TARGETS": HERE.format("needs_more")}, "needs_more failed: TypeError: needs_more() missing 1 required pos"),
        ({"TARGETS": [{"name": "a", "schema": "\ud800"}]}, "which no search_path can name."),
        ({"TARGETS": [{"schema": "pg_toast"}]}, "the target 'pg_toast' has the schema 'pg_toast', which is the serv"),
        ({"TARGETS": [{"schema": "information_schema"}]}, "is the server's own. Leave it out: a query of all schemas"),
        ({"TARGETS": [{"name": "a", "settings": {"NAME": None}}]}, "the target 'a': 'NAME' of 'settings' is NoneType."),
        ({"TARGETS": [{"name": "a", "settings": {"NAME": 5}}]}, "is int. It must be of the type str; where it is left"),
        (
            {"TARGETS": [{"name": "a", "settings": {"OPTIONS": SECRET}}]},
            "'OPTIONS' of 'settings' is str. It must be of",
        ),
    ],
)
def test_what_cannot_be_is_named(fleet: Any, message: str) -> None:
    assert message in refusal(fleet)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("CANARY", -1, "['CANARY'] is -1. It must be a number of targets, 0 or more, a part such as '2%', or a list"),
        ("JOBS", 0, "['JOBS'] is 0. It must be a whole number, 1 or more."),
        ("JOBS_PER_SERVER", "2", "['JOBS_PER_SERVER'] is '2'. It must be a whole number, 1 or more."),
        ("MAX_FAILURES", "101%", "['MAX_FAILURES'] is '101%'. It must be a number of targets, 0 or more, or a part"),
    ],
)
def test_a_check_names_what_a_run_cannot_use(key: str, value: object, message: str) -> None:
    with given({"TARGETS": "nowhere.at.all", key: value}):
        (found,) = check_fleets()
        assert message in found.msg


def test_other_values_of_the_setting_are_named() -> None:
    for value in ([], {7: {}}, {"\n": {}}):
        with override_settings(MEDUSA_MIGRATIONS={"FLEETS": value}), pytest.raises(SettingsError):
            conf.get_settings()


def test_a_schema_that_has_the_history_of_its_database_is_no_target() -> None:
    message = refusal({"TARGETS": [{"schema": "ops"}]}, HISTORY_SCHEMA="ops")
    assert "the target 'ops' is the schema 'ops', where HISTORY_SCHEMA has the history of the database 'default'." in (
        message
    )


def test_targets_have_what_their_fleet_says_of_all() -> None:
    with given({"TARGETS": f"{__name__}.some_targets", "APPS": ["blog"], "SEARCH_PATH": ["{schema}", "ext"]}):
        found = targets("f")
        assert [one[:3] for one in found] == [
            ("default", None, "default"),
            ("t1", "t1", "default"),
            ("x", "t2", "default"),
        ]
        assert {one.fleet for one in found} == {"f"}
        assert {one.apps for one in found} == {("blog",)}
        assert {one.search_path for one in found} == {("{schema}", "ext")}
        assert target("f", "t1") == found[1]


def test_names_that_there_are_not_get_the_nearest() -> None:
    with given({"TARGETS": [{"schema": "tenant1"}]}):
        for ask, hint in (
            (lambda: targets("ff"), "has no fleet 'ff'. Did you mean 'f'?"),
            (lambda: targets("xyz"), "has no fleet 'xyz'. There is 'f'."),
            (lambda: target("f", "tenant2"), "The fleet 'f' has no target 'tenant2'. Did you mean 'tenant1'?"),
        ):
            with pytest.raises(SettingsError) as caught:
                ask()
            assert hint in str(caught.value)


def test_a_check_imports_a_callable_and_does_not_call_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with given({"TARGETS": f"{__name__}.no_targets"}):
        assert check_fleets() == []
    (tmp_path / "broken_targets.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    paths = (("a.b", "imported"), (f"{__name__}.NO_CALLABLE", "called"), ("broken_targets.targets", "imported: ZeroDi"))
    for path, why in paths:
        with given({"TARGETS": path}):
            (message,) = check_fleets()
        assert message.id == "medusa_migrations.E015"
        assert f"['TARGETS'] is '{path}', which cannot be {why}" in message.msg
    with given({"TARGETS": [{"schema": "t1"}, {"schmea": "t1"}]}):
        (message,) = check_fleets()
    assert "an unknown key 'schmea'" in message.msg
    with given({"TARGETS": {"SQL": "SELECT"}}):
        assert check_fleets() == []


def test_settings_stand_in_place_of_the_aliass_one_by_one() -> None:
    theirs = {"NAME": "shop", "HOST": "db", "OPTIONS": {"sslmode": "require"}}
    one = FleetTarget("eu", settings={"NAME": "eu", "OPTIONS": {"connect_timeout": 3}})
    assert settings_of(one, theirs) == {
        "NAME": "eu",
        "HOST": "db",
        "OPTIONS": {"sslmode": "require", "connect_timeout": 3},
    }
    assert theirs["OPTIONS"] == {"sslmode": "require"}
    with pytest.raises(SettingsError) as caught:
        settings_of(one._replace(settings=a_token), theirs)
    assert str(caught.value) == "The target 'eu': 'settings' has an unknown key 'NMAE'. Did you mean 'NAME'?"
    with pytest.raises(SettingsError) as caught:
        settings_of(one._replace(settings=no_token), theirs)
    assert "The target 'eu': what its settings are cannot be told: KeyError: 'token' (" in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "option"),
    [
        ("t1", '"t1","ext"'),
        ("a b", '"a\\ b","ext"'),
        ('a"b', '"a""b","ext"'),
        ("a\\b", '"a\\\\b","ext"'),
        ("a\n", '"a\\\n","ext"'),
    ],
)
def test_search_path_is_written_as_the_server_splits_it(
    schema: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    one = FleetTarget("x", schema=schema, search_path=("{schema}", "ext"))
    assert with_search_path(one, {"OPTIONS": {}})["OPTIONS"] == {"options": f"-c search_path={option}"}


def test_passwords_are_in_no_traceback() -> None:
    assert SECRET not in repr(FleetTarget("x", settings={"PASSWORD": SECRET}))


def test_a_database_and_a_target_are_not_both_given() -> None:
    one = FleetTarget("x y", fleet="f")
    assert destination("default", one) is one
    with pytest.raises(PlanError):
        destination("other", one)
    for wrong in ("default", ("f", "x y"), 7, FleetTarget("x y", schema="t1")):
        with pytest.raises(PlanError, match="no target of a fleet"):
            destination("default", wrong)  # type: ignore[arg-type]  # what is tested
    assert [options_for(where) for where in ("default", "other", one)] == [
        "",
        " --database other",
        " --fleet f --target 'x y'",
    ]
