"""The migration API: what `up(schema)` of a migration in Python may call."""
