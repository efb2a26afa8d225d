"""The packages that `benchmarks.adoption` takes over, and what a project with each is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Package:
    """A package of PyPI, pinned, with what turns its source into a project.

    `source` are the folders of site-packages that are copied into the project, and `settings` are lines of its
    settings. `change` is a file, a text in it and what takes its place: models that change. `tests` is what Python is
    given to run its tests. `left` is what its own Django migrations have made and its models have not, as generate
    tells it, and `ignore` names what of that is meant to stay. `by_hand` are files beside a baseline, with
    what is no table: rows and views.
    """

    name: str
    requirements: tuple[str, ...]
    source: tuple[str, ...]
    settings: str
    change: tuple[str, str, str]
    tests: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    by_hand: Mapping[str, str] = field(default_factory=dict)
    settings_module: str = "settings"


# What wagtail's Django migrations fill in, and a baseline has not.
ROWS = """\
-- migrate:up
INSERT INTO auth_group (name) VALUES ('Moderators'), ('Editors') ON CONFLICT DO NOTHING;
INSERT INTO django_content_type (app_label, model) VALUES ('wagtailcore', 'page') ON CONFLICT DO NOTHING;
INSERT INTO wagtailcore_locale (language_code) SELECT 'en' WHERE NOT EXISTS (SELECT FROM wagtailcore_locale);
INSERT INTO wagtailcore_page (
    path, depth, numchild, title, draft_title, slug, url_path, live, has_unpublished_changes, seo_title, show_in_menus,
    search_description, expired, locked, translation_key, content_type_id, locale_id
)
SELECT p.path, p.depth, p.numchild, p.title, p.title, p.slug, p.url_path, true, false, '', false, '', false, false,
    gen_random_uuid(), c.id, l.id
FROM (
    VALUES ('0001', 1, 1, 'Root', 'root', '/'),
        ('00010001', 2, 0, 'Welcome to your new Wagtail site!', 'home', '/home/')
) p (path, depth, numchild, title, slug, url_path), django_content_type c, wagtailcore_locale l
WHERE c.app_label = 'wagtailcore' AND c.model = 'page' AND NOT EXISTS (SELECT FROM wagtailcore_page)
ORDER BY p.path;
INSERT INTO wagtailcore_site (hostname, port, is_default_site, root_page_id, site_name)
SELECT 'localhost', 80, true, id, '' FROM wagtailcore_page
WHERE path = '00010001' AND NOT EXISTS (SELECT FROM wagtailcore_site);
INSERT INTO wagtailcore_collection (path, depth, numchild, name)
SELECT '0001', 1, 0, 'Root' WHERE NOT EXISTS (SELECT FROM wagtailcore_collection);
INSERT INTO django_content_type (app_label, model) VALUES ('wagtailcore', 'groupapprovaltask') ON CONFLICT DO NOTHING;
WITH workflow AS (
    INSERT INTO wagtailcore_workflow (name, active)
    SELECT 'Moderators approval', true WHERE NOT EXISTS (SELECT FROM wagtailcore_workflow) RETURNING id
), task AS (
    INSERT INTO wagtailcore_task (name, active, content_type_id)
    SELECT 'Moderators approval', true, c.id FROM workflow, django_content_type c
    WHERE c.app_label = 'wagtailcore' AND c.model = 'groupapprovaltask' RETURNING id
), approval AS (
    INSERT INTO wagtailcore_groupapprovaltask (task_ptr_id) SELECT id FROM task RETURNING task_ptr_id
), groups AS (
    INSERT INTO wagtailcore_groupapprovaltask_groups (groupapprovaltask_id, group_id)
    SELECT a.task_ptr_id, g.id FROM approval a, auth_group g WHERE g.name = 'Moderators'
), steps AS (
    INSERT INTO wagtailcore_workflowtask (sort_order, task_id, workflow_id) SELECT 0, t.id, w.id FROM task t, workflow w
)
INSERT INTO wagtailcore_workflowpage (page_id, workflow_id)
SELECT p.id, w.id FROM wagtailcore_page p, workflow w WHERE p.path = '0001';
-- migrate:down
"""

WAGTAIL = Package(
    "wagtail",
    ("wagtail[testing]==8.0.1",),
    ("wagtail",),
    "from wagtail.test.settings import *",
    (
        "wagtail/contrib/redirects/models.py",
        "    automatically_created = models",
        '    note = models.CharField(max_length=50, default="", blank=True, db_index=True)\n'
        "    seen = models.ManyToManyField(Site, blank=True)\n"
        "    automatically_created = models",
    ),
    (
        "manage.py",
        "test",
        "--noinput",
        "wagtail.tests.test_collection_model",
        "wagtail.tests.test_page_queryset",
        "wagtail.tests.test_reference_index",
        "wagtail.tests.test_revision_model",
        "wagtail.tests.test_workflow_model",
        "wagtail.contrib.redirects",
    ),
    {"DATABASE_ENGINE": "django.db.backends.postgresql"},
    # Django makes the tables of many-to-many fields with keys as DEFAULT_AUTO_FIELD has them, and not as their app.
    left=tuple(
        f"alter {table}.id"
        for table in (
            "tests_eventpage_categories",
            "tests_manytomanyblogpage_adverts",
            "tests_previewablemodel_categories",
            "wagtailcore_collectionviewrestriction_groups",
            "wagtailcore_groupapprovaltask_groups",
            "wagtailcore_pageviewrestriction_groups",
        )
    ),
    # Its first migration gives them the collation "C", by SQL.
    by_hand={"wagtail/sql_migrations/R__rows.sql": ROWS},
    ignore=("wagtailcore_page.path", "wagtailcore_collection.path"),
)

NEED_REDIS = ("tasking/test_orphan_redis_locks", "test_cache", "test_clear_cache_command")
OF_DJANGO_MIGRATIONS = ("models/test_content_ids_migration",)  # which are gone behind a baseline

# Dynaconf puts the project's settings, which PULP_SETTINGS names, in the place of the package's.
PULPCORE = Package(
    "pulpcore",
    ("pulpcore==3.123.1", "aioresponses", "aiotools", "mock", "pytest-asyncio", "pytest-django"),
    ("pulpcore", "pulp_file", "pulp_certguard"),
    """
DB_ENCRYPTION_KEY = str(BASE_DIR / "key")
CONTENT_ORIGIN = "http://localhost"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DEPLOY_ROOT = str(BASE_DIR)
MEDIA_ROOT = str(BASE_DIR / "media")
WORKING_DIRECTORY = FILE_UPLOAD_TEMP_DIR = str(BASE_DIR)
INSTALLED_APPS = [
    *(f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles", "postgres")),
    "import_export", "django_filters", "django_guid", "drf_spectacular", "rest_framework",
    "pulpcore.app", "pulp_file.app.PulpFilePluginAppConfig", "pulp_certguard.app.PulpCertGuardPluginAppConfig",
]
""",
    (
        "pulpcore/app/models/upload.py",
        "    size = models.BigIntegerField()\n    pulp_domain",
        '    size = models.BigIntegerField()\n    note = models.TextField(default="", db_index=True)\n'
        '    users = models.ManyToManyField("auth.User")\n    pulp_domain',
    ),
    (
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "-p",
        "no:cacheprovider",
        "pulpcore/tests/unit",
        "pulp_file/tests/unit",
        *(f"--ignore=pulpcore/tests/unit/{name}.py" for name in (*NEED_REDIS, *OF_DJANGO_MIGRATIONS)),
        "--deselect=pulpcore/tests/unit/models/test_content.py::test_storage_location",  # wants /var/lib/pulp
    ),
    {"PULP_SETTINGS": "settings.py"},
    {"key": "C5uhoTdfsk2Jyg0K1q3n5u6rq0Z2w4y6A8C0E2G4I6k=", "pytest.ini": "[pytest]\nasyncio_mode = auto\n"},
    settings_module="pulpcore.app.settings",
)

HIERARCHY = """\
-- migrate:up
CREATE MATERIALIZED VIEW IF NOT EXISTS catalogue_product_category_hierarchy AS
WITH RECURSIVE category_hierarchy AS (SELECT id, path FROM catalogue_category)
SELECT DISTINCT CONCAT(p.id, '-', parent_categories.id) AS id, p.id AS product_id, parent_categories.id AS category_id
FROM catalogue_productcategory pc
JOIN catalogue_category child_categories ON pc.category_id = child_categories.id
JOIN catalogue_category parent_categories ON child_categories.path LIKE parent_categories.path || '%'
JOIN catalogue_product p ON p.id = pc.product_id;
CREATE UNIQUE INDEX IF NOT EXISTS catalogue_product_category_hierarchy_idx
ON catalogue_product_category_hierarchy (product_id, category_id);
-- migrate:down
DROP MATERIALIZED VIEW catalogue_product_category_hierarchy;
"""

# Its tests are in its repository alone, so that none can be run.
OSCAR = Package(
    "oscar",
    ("django-oscar==4.2.1",),
    ("oscar",),
    """
from oscar import INSTALLED_APPS
from oscar.defaults import *
SITE_ID = 1
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
MIDDLEWARE = [
    *(f"django.contrib.{name}Middleware" for name in (
        "sessions.middleware.Session", "auth.middleware.Authentication", "messages.middleware.Message")),
    "oscar.apps.basket.middleware.BasketMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        *(f"django.template.context_processors.{name}" for name in ("request", "debug", "i18n")),
        "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages",
        "oscar.apps.search.context_processors.search_form", "oscar.core.context_processors.metadata"]},
}]
""",
    (
        "oscar/apps/partner/abstract_models.py",
        "    low_stock_threshold = models",
        '    note = models.TextField(default="", db_index=True)\n    offers = models.ManyToManyField("offer.Range")\n'
        "    low_stock_threshold = models",
    ),
    (),
    files={"urls.py": "urlpatterns = []\n"},
    left=("drop communication_notification.customer_notification_date_sent_9b6baeda",),
    by_hand={"oscar/apps/catalogue/sql_migrations/R__views.sql": HIERARCHY},
)

PACKAGES = {one.name: one for one in (WAGTAIL, PULPCORE, OSCAR)}
