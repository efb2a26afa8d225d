"""Schema editors of other packages: generate was impossible beside django-pgtrigger, django-pghistory and the engine of
django-pg-zero-downtime-migrations. Found on real projects.
"""

from __future__ import annotations

from django.db.backends.postgresql.schema import DatabaseSchemaEditor

from medusa_migrations.generate.scratch import editor_class
from tests.support.generated import BOOK, files, generate
from tests.support.projects import Project

# What they add: a trigger in create_model, whose function is not there, and SQL that is no text.
ENGINE = """\
from django.db.backends.postgresql import base, schema

class Statements(list):
    def __str__(self):
        return self

class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def create_model(self, model):
        super().create_model(model)
        if model._meta.app_label == "blog":
            self.execute(f"CREATE TRIGGER t BEFORE DELETE ON {model._meta.db_table} EXECUTE FUNCTION not_there()")
            self.execute(Statements(["SET lock_timeout = 0", "SET lock_timeout = 1"]))

    def execute(self, sql, params=()):
        for one in sql if isinstance(sql, Statements) else [sql]:
            super().execute(one, params)

class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
"""


def test_what_an_engine_adds_to_tables_is_left_out(project: Project) -> None:
    engine = project.folder / "engine"
    engine.mkdir()
    (engine / "__init__.py").touch()
    (engine / "base.py").write_text(ENGINE)
    project.add_settings("DATABASES['default']['ENGINE'] = 'engine'")
    project.add_models("blog", BOOK + "    shelf = models.IntegerField(db_index=True)\n")
    generate(project).ok()
    text = files(project)[0].read_text()
    assert "CREATE INDEX" in text
    assert "TRIGGER" not in text
    project.run().ok()
    assert "No changes detected" in generate(project).ok().stdout


def test_the_editor_is_djangos_own_of_the_engine() -> None:
    patched = type("DatabaseSchemaEditor", (DatabaseSchemaEditor,), {})
    assert editor_class(patched) is DatabaseSchemaEditor
    module = "django.contrib.gis.db.backends.postgis.schema"  # which only a machine with GDAL can import
    postgis = type("PostGISSchemaEditor", (DatabaseSchemaEditor,), {"__module__": module})
    assert editor_class(type("Editor", (postgis,), {})) is postgis
