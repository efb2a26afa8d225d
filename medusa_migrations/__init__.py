"""SQL migrations for Django on PostgreSQL. `Schema` and `reverse` are for migrations in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .schema.recorder import reverse
    from .schema.schema import Schema

__all__ = ["Schema", "reverse"]


def __getattr__(name: str) -> Any:
    """Loaded when asked for: the app is imported by every command, and before the apps are ready."""
    if name == "Schema":
        from .schema.schema import Schema

        return Schema
    if name == "reverse":
        from .schema.recorder import reverse

        return reverse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
