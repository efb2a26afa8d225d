"""Findings: what a statement does to tables that are in use, by what the catalog or its words tell."""
