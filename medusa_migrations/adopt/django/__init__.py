"""Django's own migrations of an app, each by the SQL that Django sends for it, both ways."""
