"""What somebody may try with the admin: inputs that no form sends, and HTML in whatever is shown."""

from __future__ import annotations

import pytest

from medusa_migrations import api
from tests.support.admin_site import (
    LIST,
    MAY_RUN,
    ONE,
    REVERT,
    RUN,
    SCRIPT,
    VIEW,
    Site,
    form_of,
    get,
    page_of,
    post,
    problem,
    tables,
    text,
)

TAMPERED = [
    ({"database": "nowhere"}, "There is no database 'nowhere' in DATABASES."),
    ({"database": SCRIPT}, "There is no database"),
    ({"database": "__class__"}, "There is no database '__class__' in DATABASES."),
    ({"transaction": "eech"}, "transaction is 'eech'. It must be 'all', 'each' or 'none'. Did you mean 'each'?"),
    ({"to": "blog.20240101000009_t9"}, "There is no migration 'blog.20240101000009_t9'."),
    ({"to": f'"{SCRIPT}'}, "There is no migration"),
    ({"to": "\0"}, "There is no migration"),
]


@pytest.mark.parametrize("address", [RUN, REVERT])
@pytest.mark.parametrize(("changes", "message"), TAMPERED)
def test_tampered_inputs_are_refused_with_a_message(
    site: Site, address: str, changes: dict[str, str], message: str
) -> None:
    tables(site, 1, 2)
    api.run(to=ONE)
    client = site.admin()
    form = form_of(get(client, address))
    for page in (post(client, address, form | changes), get(client, address, **changes)):
        assert problem(page).startswith(message)
        assert SCRIPT not in page
        assert form_of(page) == {}
    assert site.project.applied() == [ONE]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": "-1"}, "'-1' is no number of migrations."),
        ({"steps": "٣"}, "'٣' is no number of migrations."),
        ({"steps": "9" * 30}, "is no number of migrations."),
        ({"steps": "0"}, "steps is 0: at least 1 is needed."),
        ({"steps": "1", "last_run": "1"}, "steps and last_run cannot go together: choose one."),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_message(site: Site, changes: dict[str, str], message: str) -> None:
    tables(site, 1)
    api.run()
    assert message in problem(get(site.admin(), REVERT, **changes))


def test_nothing_of_a_migration_is_taken_for_html(site: Site) -> None:
    site.project.write(
        ONE,
        f"SELECT '{SCRIPT}';\nDO $$ BEGIN RAISE EXCEPTION '{SCRIPT}'; END $$;",
        f"SELECT '{SCRIPT}';",
        header=f"-- {SCRIPT}\n",
        option=" transaction:false",
    )
    client = site.client(VIEW, MAY_RUN, name="<b>ada</b>")
    confirmation = get(client, RUN)
    pages = [
        confirmation,
        post(client, RUN, form_of(confirmation)),
        get(client, page_of(ONE)),
        get(client, LIST),
        get(client, LIST, q=f'"{SCRIPT}', run=SCRIPT, app=SCRIPT, state=SCRIPT),
        get(client, LIST, database=SCRIPT),
        get(client, page_of(SCRIPT)),
    ]
    for page in pages:
        assert SCRIPT not in page
        assert "<b>ada" not in page
    assert SCRIPT in text(pages[1])
