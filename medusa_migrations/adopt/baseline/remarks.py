"""What objects of several kinds have alike: comments, and parameters of storage."""

from __future__ import annotations

from collections.abc import Mapping

from medusa_migrations.sql.names import literal

from .pieces import Address

Remarks = Mapping[tuple[Address, int], str]


def comment_on(remarks: Remarks, address: Address, place: str) -> tuple[str, ...]:
    text = remarks.get((address, 0))
    return () if text is None else (f"COMMENT ON {place} IS {literal(text)}",)


def settings_of(options: list[str] | None, prefix: str = "") -> list[str]:
    """Storage parameters, which the catalog has as `name=value`, as WITH takes them."""
    parts = (option.partition("=") for option in options or ())
    return [f"{prefix}{name}={literal(value)}" for name, _, value in parts]
