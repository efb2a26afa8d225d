"""Decides what is to be done, from values alone and without a database."""
