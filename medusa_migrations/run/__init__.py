"""Carries out a plan, and tells of it."""
