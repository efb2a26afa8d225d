"""One database: a connection of its own, the lock, the history, and what they show."""
