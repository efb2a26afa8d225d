"""What a fleet takes beside psql and django-tenants, and what it needs of memory and connections."""
