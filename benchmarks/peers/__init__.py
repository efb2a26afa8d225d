"""The tools that are measured, a file each."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .alembic import Alembic, AlembicEach
from .base import Peer, Verb
from .dbmate import Dbmate
from .django import Django
from .floor import Floor
from .graphile_migrate import GraphileMigrate
from .medusa import Bare, Medusa, MedusaAll
from .node_pg_migrate import NodePgMigrate, NodePgMigrateEach
from .psql import PsqlEach, PsqlOne
from .sqitch import Sqitch
from .typeorm import TypeOrm, TypeOrmEach
from .yoyo import Yoyo

__all__ = ["PEERS", "Peer", "Verb", "installed"]

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        PsqlOne(),
        PsqlEach(),
        Floor(),
        Bare(),
        Medusa(),
        MedusaAll(),
        Django(),
        Alembic(),
        AlembicEach(),
        Yoyo(),
        Dbmate(),
        NodePgMigrate(),
        NodePgMigrateEach(),
        TypeOrm(),
        TypeOrmEach(),
        GraphileMigrate(),
        Sqitch(),
    )
}


def installed(names: Sequence[str]) -> list[Peer]:
    """The peers of these names that can run here; the others are told on stderr."""
    there = []
    for name in names:
        if missing := PEERS[name].missing():
            print(f"{name} is left out: it needs {missing}", file=sys.stderr)
        else:
            there.append(PEERS[name])
    return there
