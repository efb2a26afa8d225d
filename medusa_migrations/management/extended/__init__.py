"""Django's runserver, showmigrations and sqlmigrate, with the SQL migrations."""
