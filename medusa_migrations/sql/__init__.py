"""PostgreSQL's language: statements, names and COPY data as text."""
