"""What a database's catalog holds: one query a kind of object, with the attributes that are compared."""
