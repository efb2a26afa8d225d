"""Django's PostgreSQL backend over the server of `project.postgres`: HOST is the folder of its data.

The server starts with the first connection, so commands that need no database start none.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client
from django.db.utils import OperationalError

from project import postgres


def _start(settings: dict[str, Any]) -> str:
    try:
        return str(postgres.start(Path(settings["HOST"])))
    except postgres.StartError as error:
        raise OperationalError(str(error)) from error


class DatabaseClient(client.DatabaseClient):
    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        running = {**settings_dict, "HOST": _start(settings_dict)}
        arguments, environment = super().settings_to_cmd_args_env(running, parameters)
        return [str(postgres.programs() / "psql"), *arguments[1:]], environment


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        return {**super().get_connection_params(), "host": _start(self.settings_dict)}
