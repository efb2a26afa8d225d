"""Compares models with tables, and writes a migration that is proven."""
