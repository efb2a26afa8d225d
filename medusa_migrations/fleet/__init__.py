"""Fleets: many schemas or databases that get the same migrations."""
