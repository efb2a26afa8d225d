"""What a part has changed on the server beside its database: what its user sees there, before and behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from medusa_migrations.database import postgresql
from medusa_migrations.database.session import Session
from medusa_migrations.messages import N_

# Since then a parameter has rights.
_PARAMETERS_SINCE = 150000

# Scratch databases of other proofs come and go, and a database that is being dropped has the limit -2 (pg_database.h).
# What the server makes by itself to synchronise tables begins with pg_.
_STATE = """
SELECT 'role'::text, r.rolname::text, r::text FROM pg_catalog.pg_roles r
UNION ALL
SELECT 'membership'::text,
    pg_catalog.pg_get_userbyid(m.member)::text || ' in '::text || pg_catalog.pg_get_userbyid(m.roleid)::text, ''::text
FROM pg_catalog.pg_auth_members m
UNION ALL
SELECT 'database'::text, d.datname::text,
    ROW(d.oid, d.datdba, d.datacl, d.datistemplate, d.datallowconn, d.datconnlimit, (
        SELECT pg_catalog.array_agg(s::text ORDER BY s.setrole) FROM pg_catalog.pg_db_role_setting s
        WHERE s.setdatabase = d.oid
    ))::text
FROM pg_catalog.pg_database d
WHERE d.datname <> pg_catalog.current_database() AND d.datconnlimit <> -2
AND NOT pg_catalog.starts_with(d.datname::text, 'medusa_verify_'::text)
UNION ALL
SELECT 'tablespace'::text, t.spcname::text, ROW(t.spcowner, t.spcacl, t.spcoptions)::text
FROM pg_catalog.pg_tablespace t
UNION ALL
SELECT 'subscription'::text, s.subname::text, s.subdbid::text FROM pg_catalog.pg_subscription s
UNION ALL
SELECT 'replication origin'::text, o.roname, ''::text FROM pg_catalog.pg_replication_origin o
WHERE NOT pg_catalog.starts_with(o.roname, 'pg_'::text)
UNION ALL
"""
_SLOTS = """
SELECT 'replication slot'::text, p.slot_name::text, ''::text FROM pg_catalog.pg_replication_slots p
WHERE NOT p.temporary AND p.database IS NULL
"""

_PARAMETERS = """
UNION ALL SELECT 'parameter'::text, a.parname, a.paracl::text FROM pg_catalog.pg_parameter_acl a
"""

# No part can make or drop one but by a statement that is refused by its words; others do it all the time.
_COME_AND_GO = {"database", "tablespace"}


class Shared(NamedTuple):
    """Something that the databases of a server share."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


State = Mapping[Shared, str]


def read_state(session: Session) -> State:
    """What of the server the user of `session` sees now. The session must find pg_catalog alone."""
    has_parameters = postgresql.server_version(session.connection) >= _PARAMETERS_SINCE
    rows = session.query(_STATE + _SLOTS + (_PARAMETERS if has_parameters else ""))
    return {Shared(kind, name): text for kind, name, text in rows}


def read_slots(session: Session) -> State:
    """What no transaction takes back: the replication slots that are of no database, and so stay."""
    return {Shared(kind, name): text for kind, name, text in session.query(_SLOTS)}


def changes(before: State, behind: State) -> list[str]:
    """What differs, each in words; databases and tablespaces count only where they are in both."""
    found = [
        N_("{what} is new", what=str(one)) if one in behind else N_("{what} is gone", what=str(one))
        for one in before.keys() ^ behind.keys()
        if one.kind not in _COME_AND_GO
    ]
    changed = (one for one in before.keys() & behind.keys() if before[one] != behind[one])
    return sorted([*found, *(N_("{what} is changed", what=str(one)) for one in changed)])
