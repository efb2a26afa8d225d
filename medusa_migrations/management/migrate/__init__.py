"""Django's migrate with the SQL migrations in its plan."""
