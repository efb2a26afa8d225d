"""The live tables of apps as migrations: read, put in order, written, and proven."""
