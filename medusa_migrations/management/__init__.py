"""The commands, the terminal and the system checks."""
