"""Carries out migrations in Python, and shows what they would do."""
