"""The pages of the admin: what they show, who may see them, and what they do."""

from __future__ import annotations

import pytest

from tests.admin_site import LIST, REVERT, RUN, Site, confirm, form_of, get, post, problem, text

pytestmark = pytest.mark.smoke

ONE, TWO = "blog.20240101000001_t1", "blog.20240101000002_t2"


def test_a_run_from_the_list_to_the_report(site: Site) -> None:
    site.project.table(1)
    client = site.admin()
    assert "pending" in text(get(client, LIST))
    page = get(client, RUN)
    print(page)
    page = post(client, RUN, form_of(page))
    print(page)
    assert site.project.applied() == [ONE]
    page = confirm(client, REVERT)
    print(text(page))
    assert site.project.applied() == []
