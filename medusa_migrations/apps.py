from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MedusaMigrationsConfig(AppConfig):
    name = "medusa_migrations"
    verbose_name = _("SQL migrations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .management import checks  # noqa: F401 - registers them
