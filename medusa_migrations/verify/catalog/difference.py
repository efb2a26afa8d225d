"""What differs between two snapshots, from values alone."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from medusa_migrations.results import Difference

from .printed import alike
from .snapshot import Snapshot, Thing

_RELATIONS = ("table", "view", "materialized_view", "foreign_table")

# Whose name is that of what they belong to with theirs behind it.
_NAMED_AFTER = {
    "column": _RELATIONS,
    "trigger": _RELATIONS,
    "rule": _RELATIONS,
    "policy": _RELATIONS,
    "constraint": (*_RELATIONS, "type"),
    "attribute": ("type",),
}

# Who names in an attribute what they belong to.
_NAMING = {
    "index": ("table", _RELATIONS),
    "statistics": ("table", _RELATIONS),
    "function": ("made_with", ("type",)),
    "cast": ("made_with", ("type",)),
    "sequence": ("owned_by", ("column",)),
    "type": ("range", ("type",)),
    "operator_class": ("family", ("operator_family",)),
    "family_operator": ("family", ("operator_family",)),
    "family_function": ("family", ("operator_family",)),
    "user_mapping": ("server", ("server",)),
}

# What is the server's, not the migrations': how a database was created, what initdb made, the version of what is
# installed. Attributes by kind, or None for all of them.
_NOTED: Mapping[str, Collection[str] | None] = {
    "extension": {"version", "owner"},
    "collation": {"provider", "version"},
    "database": None,
    "setting": None,
    "large_object": None,
}

_LAST_PART = re.compile(r'(.*)\.(?:"(?:[^"]|"")*"|[^."]+)', re.DOTALL)

# A role as quote_ident prints it, and what is behind it; "all roles: work_mem" has none.
_BEGIN_WITH_A_ROLE = {"default_privileges", "user_mapping", "setting"}
_ROLE = re.compile(r'("(?:[^"]|"")*"|[^" :]+)(: .*| on .*)', re.DOTALL)

# grantee=privileges/grantor, as aclitemout prints it.
_RIGHT = re.compile(r'("(?:[^"]|"")*"|[^"=]*)=([^/]*)/(.*)', re.DOTALL)

_OWNER = "@owner"


def differences(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """What is new in `after`, gone from it, or differs there, an attribute at a time; by kind, name and attribute.

    What belongs to something that is itself new or gone, such as the columns of a table, is not told beside it.
    """
    new = {thing for thing in after.things if thing not in before.things}
    gone = {thing for thing in before.things if thing not in after.things}
    found = [Difference("new", *thing, None, None, None) for thing in new if not _is_part(thing, after, new)]
    found += [Difference("gone", *thing, None, None, None) for thing in gone if not _is_part(thing, before, gone)]
    for thing, text in before.things.items():
        if (other := after.things.get(thing, text)) != text:
            found += _changed(thing, json.loads(text), json.loads(other))
    return tuple(sorted(found, key=lambda one: (one.kind, one.object, one.attribute or "", one.change)))


def _is_part(thing: Thing, snapshot: Snapshot, of: set[Thing]) -> bool:
    return any(holder in of for holder in holders(thing, snapshot.things[thing]))


def holders(thing: Thing, text: str) -> Iterator[Thing]:
    """What a thing with the attributes `text` may belong to; only one of them is there."""
    if thing.kind in _NAMED_AFTER and (match := _LAST_PART.fullmatch(thing.name)):
        yield from (Thing(kind, match[1]) for kind in _NAMED_AFTER[thing.kind])
    if thing.kind in _NAMING:
        attribute, kinds = _NAMING[thing.kind]
        name = json.loads(text).get(attribute)
        yield from (Thing(kind, name) for kind in kinds if name is not None)


def _changed(thing: Thing, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for attribute in before.keys() | after.keys():
        old, new = before.get(attribute), after.get(attribute)
        if not alike(old, new):
            yield Difference("differs", *thing, attribute, old, new)


def noted(difference: Difference) -> bool:
    """Whether it is only to be noted between two databases, as it comes from their servers and no migration."""
    if (difference.kind, difference.object) == ("schema", "information_schema"):
        return True
    attributes = _NOTED.get(difference.kind, ())
    return attributes is None or difference.attribute in attributes


def with_owner_as(snapshot: Snapshot, owner: str) -> Snapshot:
    """The snapshot with "@owner" for the role `owner`, where it owns, has or gives rights, and in names.

    So two databases whose owners differ can be compared. Only whole names are replaced, in no definition.
    """
    renamed = {thing: _renamed(thing, owner) for thing in snapshot.things}
    return Snapshot(
        {renamed[thing]: _anonymous(text, owner) for thing, text in snapshot.things.items()},
        {renamed.get(thing, thing): number for thing, number in snapshot.identity.items()},
    )


def _renamed(thing: Thing, owner: str) -> Thing:
    match = _ROLE.fullmatch(thing.name) if thing.kind in _BEGIN_WITH_A_ROLE else None
    return Thing(thing.kind, _OWNER + match[2]) if match and _unquoted(match[1]) == owner else thing


def _anonymous(text: str, owner: str) -> str:
    # A name with quotes or backslashes is escaped in JSON and doubled in rights; what is looked for here may be more.
    if not all(part in text for part in re.findall(r"[\w ]+", owner, re.ASCII)):
        return text
    attributes = json.loads(text)
    for name, value in attributes.items():
        if name == "owner" and value == owner:
            attributes[name] = _OWNER
        elif name == "roles":
            attributes[name] = sorted(_OWNER if one == owner else one for one in value)
        elif name in ("rights", "type_rights"):
            attributes[name] = sorted(_right(one, owner) for one in value)
    return json.dumps(attributes, ensure_ascii=False)


def _right(text: str, owner: str) -> str:
    match = _RIGHT.fullmatch(text)
    if not match:
        return text
    grantee, grantor = (_OWNER if _unquoted(one) == owner else one for one in (match[1], match[3]))
    return f"{grantee}={match[2]}/{grantor}"


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
