"""Where the workers of Celery and Procrastinate look for the tasks of an app."""

from __future__ import annotations

import sys

from django.apps import apps

if "celery" in sys.modules:
    from .engines import celery as celery
if apps.is_installed("procrastinate.contrib.django"):
    from .engines import procrastinate as procrastinate
