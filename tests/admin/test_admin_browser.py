"""The admin in a real browser, from the log-in to the reports; it leaves pictures of the pages in .screenshots/.

Debian's packages chromium and chromium-driver have what is needed; without them these tests are skipped. With
chromium-headless-shell, which is Chromium without windows, they take less.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from medusa_migrations import api
from medusa_migrations.engines import work
from medusa_migrations.errors import MigrationError
from tests.support.admin_site import LIST, REVERT, RUN, Queue, Site, in_threads, tables
from tests.support.projects import ROOT

from .test_progress import SLOW_INDEX, SLOWLY, held

# Of the first Debian has a script in the path too: that is ended in place of the browser, which would go on for ever.
BROWSERS = ("/usr/lib/chromium/chromium-headless-shell", "chromium", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
DRIVER = shutil.which("chromedriver")
SCREENSHOTS = ROOT / ".screenshots"
LOOKS = {"light": (1280, 800, "light"), "dark": (1280, 800, "dark"), "narrow": (390, 844, "light")}

# Django's links change their colour slowly: here at once, as every frame of it is drawn.
_NO_LONGER_MOVING = "document.getAnimations().forEach(one => one.finish())"

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no chromium or no chromedriver: apt-get install chromium chromium-driver"
    ),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


class Browser:
    """Somebody in front of the admin of `site`."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver, self.address = driver, address

    def go(self, path: str) -> None:
        self.driver.get(f"{self.address}{path}")

    def enter(self, site: Site, path: str = LIST) -> None:
        """As a superuser who has logged in already."""
        session = site.admin().cookies["sessionid"].value
        self.command("Network.setCookie", name="sessionid", value=session, url=self.address)
        self.go(path)

    def log_in(self, name: str) -> None:
        self.go(f"/admin/login/?next={LIST}")
        self.find("#id_username").send_keys(name)
        self.find("#id_password").send_keys("secret")
        self.submit("input[type=submit]")

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def leave(self, link: WebElement) -> None:
        """Click on what leads to another page, and wait for that."""
        self.driver.execute_script("window.isLeft = true")
        link.click()
        # What is asked between two pages may fail in ways that the driver has no name for.
        wait = WebDriverWait(self.driver, 20, ignored_exceptions=[WebDriverException])
        wait.until(lambda driver: not driver.execute_script("return window.isLeft"))

    def submit(self, selector: str) -> None:
        self.leave(self.find(selector))

    def follow(self, text: str) -> None:
        self.leave(self.driver.find_element(By.XPATH, f"//*[@id='content']//a[contains(., '{text}')]"))

    def confirm(self) -> None:
        self.submit("#medusa-confirm input[type=submit]")

    @property
    def title(self) -> str:
        return self.find("#content h1").text

    @property
    def text(self) -> str:
        return self.find("#content").text

    def wait_for(self, text: str) -> None:
        """Until the page says so."""
        wait = WebDriverWait(self.driver, 30, ignored_exceptions=[WebDriverException])
        wait.until(lambda driver: text in driver.find_element(By.ID, "content").text)

    def picture(self, name: str) -> None:
        """Pictures of the whole page, in light, in dark and on a telephone; nothing may be wider than the page."""
        SCREENSHOTS.mkdir(exist_ok=True)
        for look, (width, height, scheme) in LOOKS.items():
            self.command(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            self.driver.execute_script(_NO_LONGER_MOVING)
            data = self.command("Page.captureScreenshot", captureBeyondViewport=True, optimizeForSpeed=True)["data"]
            (SCREENSHOTS / f"{name}-{look}.png").write_bytes(base64.b64decode(data))
            page = self.driver.execute_script("return document.documentElement.scrollWidth")
            assert page <= width, f"{name}, {look}: {page} pixels wide"
        self.command("Emulation.clearDeviceMetricsOverride")
        self.command("Emulation.setEmulatedMedia", features=[])

    def command(self, name: str, /, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, parameters)


@pytest.fixture
def browser(site: Site, chromium: webdriver.Chrome, settings: Any) -> Iterator[Browser]:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.start()
    server.is_ready.wait()
    assert server.error is None, server.error
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    yield Browser(chromium, f"http://127.0.0.1:{server.port}")
    chromium.get("about:blank")
    server.terminate()


def write_blog(site: Site) -> None:
    site.project.write(
        "blog.20240101000000_authors_and_posts",
        "CREATE TABLE blog_author (\n    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,\n"
        "    name varchar(100) NOT NULL\n);\nCREATE TABLE blog_post (\n"
        "    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,\n    title varchar(200) NOT NULL,\n"
        "    author_id bigint NOT NULL REFERENCES blog_author (id)\n);",
        "DROP TABLE blog_post;\nDROP TABLE blog_author;",
        header="-- Authors and their posts.\n\n",
    )
    site.project.write(
        "blog.20240108093000_slugs",
        "ALTER TABLE blog_post ADD COLUMN slug varchar(200) NOT NULL DEFAULT '';\n"
        "UPDATE blog_post SET slug = lower(title);",
        "ALTER TABLE blog_post DROP COLUMN slug;",
        header="-- Every post gets an address of its own.\n\n",
    )
    site.project.write(
        "blog.20240115140000_index_slugs",
        "CREATE INDEX CONCURRENTLY blog_post_slug_idx ON blog_post (slug);",
        None,
        option=" transaction:false",
    )


@pytest.mark.smoke
def test_log_in_look_and_run(site: Site, browser: Browser) -> None:
    write_blog(site)
    site.project.run("--to", "blog.20240101000000_authors_and_posts").ok()
    site.user(name="ada", is_superuser=True)
    browser.log_in("ada")
    assert browser.text.count("pending") == 3  # two, and their number beside the filter
    browser.picture("list")
    browser.follow("Run pending")
    assert "Irreversible" in browser.text
    browser.picture("confirmation")
    browser.confirm()
    assert browser.title == "The run is done"
    assert len(site.project.applied()) == 3
    browser.picture("report")
    browser.follow("To the list")
    browser.follow("20240108093000_slugs")
    browser.picture("migration")
    browser.follow("Revert what came after")
    assert "irreversible" in browser.text
    browser.picture("refused")


def test_a_revert(site: Site, browser: Browser) -> None:
    site.project.table(1)
    site.project.table(2)
    site.project.table(3)
    site.project.run().ok()
    browser.enter(site)
    browser.follow("Revert…")
    assert "20240101000003" in browser.text
    assert "20240101000002" not in browser.text
    browser.find("input[name=last_run]").click()
    browser.submit(".medusa-wish input[type=submit]")
    assert "Yes, revert these 3 migrations" in browser.find("#medusa-confirm input[type=submit]").get_attribute("value")
    browser.picture("revert")
    browser.confirm()
    assert browser.title == "The revert is done"
    assert site.project.applied() == []
    assert site.project.tables().isdisjoint({"t1", "t2", "t3"})


def test_a_migration_that_fails(site: Site, browser: Browser) -> None:
    write_blog(site)
    site.project.write("blog.20240109000000_wrong", "SELECT 1;\nUPDATE blog_post SET slug = lower(titel);\n")
    browser.enter(site)
    browser.follow("Run pending")
    browser.confirm()
    assert browser.title == "The run has failed"
    assert "blog/sql_migrations/20240109000000_wrong.sql:3:" in browser.text
    assert "It was rolled back." in browser.text
    browser.picture("error")
    browser.go(LIST)
    assert len(site.project.applied()) == 2
    browser.follow("Journal")
    assert "failed" in browser.text
    browser.picture("journal")


def test_a_confirmation_that_is_out_of_date_and_a_reload(site: Site, browser: Browser) -> None:
    one = site.project.table(1)
    browser.enter(site, RUN)
    two = site.project.table(2)
    browser.confirm()
    assert "not what was shown" in browser.text
    assert two in browser.text
    assert site.project.applied() == []
    browser.picture("stale")
    browser.confirm()
    assert site.project.applied() == [one, two]
    site.project.table(3)
    browser.driver.refresh()
    assert "not what was shown" in browser.text
    assert site.project.applied() == [one, two]


LONG = "blog.20240101000000_give_every_author_of_every_post_an_address_that_can_be_read_by_people"


def test_long_names_states_and_repairs(site: Site, browser: Browser) -> None:
    site.project.write(
        LONG,
        "CREATE TABLE blog_author (id bigint PRIMARY KEY, name varchar(100) NOT NULL);\n"
        "UPDATE blog_author SET name = lower(nome);",
        "DROP TABLE blog_author;",
        option=" transaction:false",
    )
    with contextlib.suppress(MigrationError):
        api.run(applied_by="deployment-of-the-shop@example.org")
    browser.enter(site)
    browser.picture("long-list")
    browser.follow("give_every")
    assert ".sql:3:" in browser.text
    browser.picture("part-way")
    browser.follow("Mark as applied")
    browser.picture("repair")
    browser.confirm()
    assert "Mark as applied" not in browser.find(".medusa-title").text
    assert "marked as applied" in browser.find("body").text
    browser.picture("repaired")
    browser.go(REVERT)
    browser.picture("long-revert")
    site.project.write(LONG, "SELECT 1;", "SELECT 1;")
    site.project.table(2)
    browser.go(RUN)
    assert "Accept the changed file" in browser.text
    browser.picture("to-settle")


def test_a_migration_in_python_and_what_may_take_long(site: Site, browser: Browser) -> None:
    site.project.sql("CREATE TABLE blog_post (id bigint PRIMARY KEY, title text, slug text)")
    (site.project.add_app("blog") / "20240101000000_fill_slugs.py").write_text(
        '"""Every post that has none gets an address of its own."""\n\n'
        "transaction = False\n\n\ndef up(schema):\n"
        "    if schema.has_column('blog_post', 'slug'):\n"
        "        schema.backfill('blog_post', set='slug = lower(title)', where='slug IS NULL')\n\n\n"
        "def down(schema):\n    pass\n"
    )
    site.project.write(
        "blog.20240102000000_index_slugs",
        "CREATE INDEX CONCURRENTLY blog_post_slug_idx ON blog_post (slug);",
        "DROP INDEX CONCURRENTLY blog_post_slug_idx;",
        option=" transaction:false",
    )
    browser.enter(site, RUN)
    assert "schema.backfill(" in browser.text
    assert "30 seconds" in browser.text
    browser.picture("python")


def test_a_run_that_a_worker_does_is_followed_by_itself(site: Site, browser: Browser, queue: Queue) -> None:
    """From waiting over the phases of an index to its end, without a click."""
    site.project.sql(SLOWLY)
    site.project.write("blog.20240101000000_index_slow", SLOW_INDEX)
    site.project.write("blog.20240102000000_index_fill", "CREATE INDEX fill_idx ON slow (length(fill));")
    browser.enter(site, RUN)
    browser.picture("hand-over")
    browser.confirm()
    assert browser.title == "The run waits for a worker"
    browser.picture("waiting")
    holder = held(site)
    (job,) = queue.take()
    worker = threading.Thread(target=in_threads, args=[lambda: work.do(job)])
    worker.start()
    try:
        browser.wait_for("building index: scanning table")
        assert browser.title == "The run is under way"
        browser.picture("under-way")
        # In one step: between two the page would be another, which it asks for every two seconds.
        browser.driver.execute_script("document.querySelector('details summary').click()")
        browser.wait_for("begun by a worker")
    finally:
        holder.close()
        worker.join()
    browser.wait_for("The run is done")
    assert browser.title == "The run is done"
    browser.picture("followed")


def test_without_javascript_the_page_asks_for_itself(site: Site, browser: Browser, queue: Queue) -> None:
    tables(site, 1)
    browser.enter(site, RUN)
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.find("#medusa-confirm input[type=submit]").click()
        browser.wait_for("waits for a worker")
        work.do(queue.take()[0])
        browser.wait_for("The run is done")
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)
