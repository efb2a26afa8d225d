"""Faults that were reported or found: a folder a kind, a docstring that says where it is from."""
