"""The scratch database: made or named, held, emptied, and gone at the end; and what leads to it."""
