"""Proof in a scratch database: up, down and up again with the catalog compared, and drift."""
