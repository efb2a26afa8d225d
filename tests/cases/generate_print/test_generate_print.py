"""With psycopg 3 and a database whose DateStyle is not ISO, dates in a file were other days elsewhere, and nothing was
said. Found by an attack."""

from __future__ import annotations

import pytest

from tests.support.model_texts import Drafts, sql_of

DAY = (
    "import datetime\nclass Day(models.Model):\n"
    "    d = models.DateField(db_default=datetime.date(2020, 2, 1))\n"
    "    f = models.FloatField(db_default=0.1234567890123456)\n"
    "    i = models.DurationField(db_default=datetime.timedelta(days=1, hours=2))\n"
    "    b = models.BinaryField(db_default=b'ab')\n"
    "    class Meta:\n        constraints = [models.CheckConstraint("
    "condition=models.Q(d__gte=datetime.date(2019, 3, 4)), name='late')]\n"
)


@pytest.mark.smoke
@pytest.mark.parametrize("style", ["SQL, DMY", "German", "Postgres, DMY", "ISO, DMY"])
def test_a_database_that_prints_otherwise(drafts: Drafts, style: str) -> None:
    drafts.session.execute(
        f"SET datestyle = {style!r}; SET intervalstyle = sql_standard; SET quote_all_identifiers = on;"
        "SET extra_float_digits = -5; SET bytea_output = escape; SET standard_conforming_strings = off;"
        "SET escape_string_warning = off"
    )
    draft = drafts.become(DAY)
    sql = sql_of(draft.up)
    for text in ("'2020-02-01'::date", "'2019-03-04'::date", "0.1234567890123456", "'1 day 02:00:00'", r"'\x6162'"):
        assert text in sql
    assert "CHECK (d >=" in sql
    before = "class Day(models.Model):\n    pass\n"
    draft = drafts.both_ways(before)
    assert "'2020-02-01'::date" in sql_of(draft.down)
