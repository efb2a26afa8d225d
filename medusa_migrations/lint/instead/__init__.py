"""The safe way to do what a statement does, ready to paste, with the statement's own names."""
