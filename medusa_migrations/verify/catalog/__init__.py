"""All objects of a database as values, and what differs between two of them."""
