"""TypeORM's and Medusa's classes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from medusa_migrations.adopt.draft import Text
from medusa_migrations.adopt.names import names_of
from medusa_migrations.adopt.tool import Applied
from medusa_migrations.adopt.typeorm import TOOL

from .conftest import Convert

TEMPLATE = """\
import {{ MigrationInterface, QueryRunner }} from "typeorm";

export class Add1690000000000 implements MigrationInterface {{
  public async up(queryRunner: QueryRunner): Promise<void> {{
    {up}
  }}

  public async down(queryRunner: QueryRunner): Promise<void> {{
    {down}
  }}
}}
"""


def source(up: str, down: str = "") -> dict[str, str]:
    return {"1690000000000-Add.ts": TEMPLATE.format(up=up, down=down)}


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        ("await queryRunner.query(`SELECT 1`);", "SELECT 1;\n"),
        ("await queryRunner.query('SELECT 1;')", "SELECT 1;\n"),
        ('await queryRunner.query("SELECT \\"a\\" FROM b", undefined);', 'SELECT "a" FROM b;\n'),
        ("return await queryRunner.query(`SELECT 1`,)", "SELECT 1;\n"),
        ("queryRunner.query(`SELECT 1`).\n", None),
        ("await queryRunner.query('SELECT ' + '1' +\n '+ 2');", "SELECT 1+ 2;\n"),
        ("await queryRunner.query(`SELECT '\\${x}', '\\u0041\\x42\\`'`)", "SELECT '${x}', 'AB`';\n"),
        ("await queryRunner.query('SELECT \\'\\ud83d\\ude00\\u{1F600}\\\\\\'')", "SELECT '\U0001f600\U0001f600\\';\n"),
        ("await queryRunner.query(`\n  SELECT 1;\n  SELECT 2\n`)", "  SELECT 1;\n  SELECT 2;\n"),
        ("const sql = `SELECT 1`; await queryRunner.query(sql)", "SELECT 1;\n"),
        ("// await queryRunner.query(`SELECT 0`)\n/* ` */ await queryRunner.query(`SELECT 1`)", "SELECT 1;\n"),
        ("await queryRunner.query(`SELECT 1`)\nawait queryRunner.query(`SELECT 2`)", "SELECT 1;\nSELECT 2;\n"),
        ("this.addSql('SELECT 1;');", "SELECT 1;\n"),
        ("await this.runner.query(`SELECT 1`)", "SELECT 1;\n"),
        ("queryRunner.query(`SELECT 1`)\nqueryRunner.query(`SELECT 2`)", "SELECT 1;\nSELECT 2;\n"),
        ("const a = `SELECT 1`\nconst b = 'SELECT 2'\nawait r.query(b)\nawait r.query(a)", "SELECT 2;\nSELECT 1;\n"),
        ("await\nqueryRunner.query(`SELECT 1`)\n;;", "SELECT 1;\n"),
        ("return queryRunner.query(`SELECT 1`)\nqueryRunner.query(`SELECT 2`)", "SELECT 1;\n"),
        ("await queryRunner.query(`SELECT 1`, [])", "SELECT 1;\n"),
        ("return;", ""),
        ("", ""),
        ("await queryRunner.query(`SELECT ${x}`)", None),
        ("await queryRunner.query(`SELECT $1`, [1])", None),
        ("await queryRunner.query(sql)", None),
        ("await queryRunner.query(`SELECT 1` + x)", None),
        ("await queryRunner.createTable(new Table({ name: `SELECT 1` }))", None),
        ("if (x) { await queryRunner.query(`SELECT 1`) }", None),
        ("if (x)\n await queryRunner.query(`SELECT 1`)\nelse\n y()", None),
        ("x && await queryRunner.query(`SELECT 1`)", None),
        ("await queryRunner.query(`SELECT 1`).catch(() => {})", None),
        ("await queryRunner.query(`SELECT 1`)\n  .catch(() => {})", None),
        ("try {\n await queryRunner.query(`SELECT 1`)\n} catch (e) {\n x()\n}", None),
        ("const rows = await queryRunner.query(`SELECT 1`)", None),
        ("for (const one of all) {\n await queryRunner.query(`SELECT 1`)\n}", None),
    ],
)
def test_strings_become_sql_and_code_becomes_a_place(convert: Convert, code: str, sql: str | None) -> None:
    (draft,) = convert("typeorm", source(code)).drafts
    up = draft.text.partition("-- migrate:up\n")[2].partition("-- migrate:down\n")[0]
    if sql is None:
        assert [place.line for place in draft.places] == [5]
        assert up.count("RAISE") == 1
    else:
        assert (up, draft.places) == (sql, ())


def test_a_place_stands_where_the_code_stood_with_the_code(convert: Convert) -> None:
    code = (
        "await queryRunner.query(`SELECT 1`)\n    if (x) {\n      y()\n    }\n    await queryRunner.query(`SELECT 2`)"
    )
    (draft,) = convert("typeorm", source(code)).drafts
    lines = draft.text.splitlines()
    assert lines[1] == "SELECT 1;"
    assert lines[2].startswith("-- Imported from their/1690000000000-Add.ts:6: this is code")
    assert lines[3:6] == ["-- | if (x) {", "-- |       y()", "-- |     }"]
    assert lines[7] == "SELECT 2;"
    assert draft.origin(8) == ("their/1690000000000-Add.ts", 9, False)


@pytest.mark.parametrize(
    ("head", "key", "name"),
    [
        ("export class AddUsers1690000000000", "AddUsers1690000000000", "20230722042640_add_users"),
        ("export default class a1690000000999", "a1690000000999", "20230722042640_a"),
        ("module.exports = class AddV21690000000000", "AddV21690000000000", "20230722042640_add_v2"),
        ("export abstract class Init1690000000000", "Init1690000000000", "20230722042640_init"),
        ("export default class Migration1690000000000", "Migration1690000000000", "20230722042640_of_file"),
    ],
)
def test_a_class_is_named_with_what_it_does(convert: Convert, head: str, key: str, name: str) -> None:
    text = f"{head} {{ async up(queryRunner) {{}} async down(queryRunner) {{}} }}"
    (draft,) = convert("typeorm", {"1690000000000-ofFile.js": text}).drafts
    assert (draft.key, names_of([draft])) == (key, [name])


@pytest.mark.parametrize(
    ("inside", "key", "option"),
    [
        ('name = "Other1690000000001";', "Other1690000000001", ""),
        ('constructor() { this.name = "Other1690000000001"; }', "Other1690000000001", ""),
        ("readonly name: string = `Other1690000000001`;", "Other1690000000001", ""),
        ("constructor() { const name = 'x'; other.name = 'y' }", "A1690000000000", ""),
        ("transaction = false", "A1690000000000", " transaction:false"),
        ("transaction: boolean = false", "A1690000000000", " transaction:false"),
        ("readonly transaction?: boolean | undefined = false", "A1690000000000", " transaction:false"),
        ("transaction = false as const", "A1690000000000", " transaction:false"),
        ("helper() { let transaction; transaction = false; up(x) }", "A1690000000000", ""),
        ("constructor() { this.transaction = false }", "A1690000000000", " transaction:false"),
        ("transaction = true", "A1690000000000", ""),
    ],
)
def test_properties_of_a_class(convert: Convert, inside: str, key: str, option: str) -> None:
    text = f"export class A1690000000000 {{ {inside}\n async up(queryRunner) {{}} async down(queryRunner) {{}} }}"
    (draft,) = convert("typeorm", {"a.js": text}).drafts
    assert (draft.key, draft.text) == (key, f"-- migrate:up{option}\n-- migrate:down\n")


@pytest.mark.parametrize(
    ("stem", "inside", "key", "name", "option"),
    [
        ("Migration20240307132720", "", "Migration20240307132720", "20240307132720_migration", ""),
        ("Migration20240307132720_add_users", "", "Migration20240307132720_add_users", "20240307132720_add_users", ""),
        ("InitialSetup20240307132720", "", "InitialSetup20240307132720", "20240307132720_initial_setup", ""),
        ("Migration202408271511", "", "Migration202408271511", "20240827151100_migration", ""),
        ("add-users", "", "add-users", "20000101000000_add-users", ""),
        (
            "Migration20240307132720",
            "isTransactional(): boolean { return false; }",
            "Migration20240307132720",
            "20240307132720_migration",
            " transaction:false",
        ),
        (
            "Migration20240307132720",
            "isTransactional() { return true }",
            "Migration20240307132720",
            "20240307132720_migration",
            "",
        ),
    ],
)
def test_mikroorm_knows_a_class_by_its_file(
    convert: Convert, stem: str, inside: str, key: str, name: str, option: str
) -> None:
    text = (
        "export class Migration20250102030405 extends Migration {\n"
        f"  async up() {{ this.addSql(`SELECT 1`) }}\n  async down() {{ this.addSql(`SELECT 2`) }}\n  {inside}\n}}\n"
    )
    (draft,) = convert("typeorm", {f"{stem}.ts": text}).drafts
    sql = f"-- migrate:up{option}\nSELECT 1;\n-- migrate:down{option}\nSELECT 2;\n"
    assert (draft.key, draft.text, names_of([draft])) == (key, sql, [name])


def test_mikroorm_sorts_by_the_names_of_files(convert: Convert) -> None:
    stems = ["b", "Migration202408271511", "InitialSetup20240401153642", "Migration20240601111544"]
    text = "export class A20240101000000 extends Migration { async up() {} }"
    drafts = convert("typeorm", {f"{stem}.ts": text for stem in stems}).drafts
    assert [draft.key for draft in drafts] == [*stems[2:], stems[1], stems[0]]
    assert names_of(drafts)[2:] == ["20240827151100_migration", "20240827151101_b"]


def test_the_history_of_mikroorm_has_times_and_once_had_suffixes() -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [("Migration20240307132720.ts", at), ("AddUsers1690000000000", None)]
    assert TOOL.history.read(rows, []) == [Applied("Migration20240307132720", at), Applied("AddUsers1690000000000")]


@pytest.mark.parametrize(
    ("code", "messages"),
    [
        ("class B1690000000001 { async up(queryRunner) {} }", ["B1690000000001 is not exported"]),
        ("export class B1690000000001 extends A1690000000000 {}", ["no method up is recognised in the class B16900"]),
        ("export class B1690000000001 { up = async (queryRunner) => {} }", ["no method up is recognised in the class"]),
        ("export class B { async up(queryRunner) {} }", ["the name of the class B does not end"]),
        ("export default class implements M { async up(queryRunner) {} }", ["the name of the class without a name"]),
        ("class Helper { async up(queryRunner) {} }\nclass Other {}", []),
        ("abstract class Base { abstract up(queryRunner): Promise<void>; }", []),
    ],
)
def test_a_class_beside_another_that_is_not_imported_is_a_place(
    convert: Convert, code: str, messages: list[str]
) -> None:
    converted = convert("typeorm", {"a.ts": f"export class A1690000000000 {{ async up(queryRunner) {{}} }}\n{code}"})
    assert [draft.key for draft in converted.drafts] == ["A1690000000000"]
    assert [place.line for place in converted.places] == [2] * len(messages)
    assert all(wanted in place.message for wanted, place in zip(messages, converted.places, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "class A1690000000000 {{ {} }}\nexports.A1690000000000 = A1690000000000;",
        "class A1690000000000 {{ {} }}\nexport {{ A1690000000000 as A }}",
        "class A1690000000000 {{ {} }}\nmodule.exports = {{ A1690000000000 }}",
        "let A1690000000000 = class A1690000000000 {{ {} }}\nexport default A1690000000000",
        "export const all = [class {{ name = 'A1690000000000'; {} }}]",
        "module.exports = class {{ constructor() {{ this.name = 'A1690000000000' }} {} }}",
    ],
)
def test_ways_to_export_a_class(convert: Convert, text: str) -> None:
    converted = convert("typeorm", {"a.js": text.format("async up(queryRunner) {}")})
    assert ([draft.key for draft in converted.drafts], converted.places) == (["A1690000000000"], ())


@pytest.mark.parametrize(
    "code",
    [
        "let a = `SELECT 1`\na += ` + 1`\nawait queryRunner.query(a)",
        "let a = `SELECT 1`\nif (x) { a = `SELECT 2` }\nawait queryRunner.query(a)",
        "var a = `SELECT 1`\nchange(() => { a = `SELECT 2` })\nawait queryRunner.query(a)",
    ],
)
def test_a_variable_that_code_may_have_changed_has_no_value(convert: Convert, code: str) -> None:
    (draft,) = convert("typeorm", source(code)).drafts
    assert [place.line for place in draft.places] == [6, 7]
    assert "\nSELECT" not in draft.text


@pytest.mark.parametrize(
    ("flag", "header", "places"),
    [
        ('exports.featureFlag = void 0;\nexports.featureFlag = "tax";', "-- migrate:feature tax\n", []),
        ("export const featureFlag = 'tax';", "-- migrate:feature tax\n", []),
        ("exports.featureFlag = flag.default.key;", "", [1]),
    ],
)
def test_a_feature_flag_of_medusa_is_a_line_of_the_header(
    convert: Convert, flag: str, header: str, places: list[int]
) -> None:
    text = f"{flag}\nexport class A1690000000000 {{ async up(queryRunner) {{}} }}"
    (draft,) = convert("typeorm", {"a.js": text}).drafts
    assert (draft.text, [place.line for place in draft.places]) == (f"{header}-- migrate:up\n", places)


def test_classes_are_in_the_order_of_their_milliseconds(convert: Convert) -> None:
    classes = ["B1690000000002", "A1690000000001", "C1600000000000", "Migration20221231000000"]
    text = "\n".join(f"export class {name} {{ async up(queryRunner) {{}} }}" for name in classes)
    drafts = convert("typeorm", {"all.js": text}).drafts
    assert [draft.key for draft in drafts] == [
        "C1600000000000",
        "Migration20221231000000",
        "A1690000000001",
        "B1690000000002",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("export class A { async up(queryRunner) {} }", "does not end with a timestamp of 13 digits"),
        (
            "var A1690000000000 = function () { this.up = function (queryRunner) {} }",
            "no class with a method",
        ),
    ],
)
def test_what_is_no_migration_of_it_is_a_place(convert: Convert, text: str, message: str) -> None:
    converted = convert("typeorm", {"a.js": text, "index.js": "export {}", "a.d.ts": "class A { up(queryRunner) }"})
    assert converted.drafts == ()
    assert [message in place.message for place in converted.places] == [True]


ES5 = """\
exports.A1690000000000 = void 0;
var A1690000000000 = /** @class */ (function () {
    function A1690000000000() {
        this.name = "A1690000000000";
        this.transaction = false;
    }
    A1690000000000.prototype.up = function (queryRunner) {
        return __awaiter(this, void 0, void 0, function () {
            %s
        });
    };
    A1690000000000.prototype.down = function (queryRunner) {
        return __awaiter(this, void 0, void 0, function () {
            return __generator(this, function (_a) {
                return [2 /*return*/, queryRunner.query("SELECT 0")];
            });
        });
    };
    return A1690000000000;
}());
%s
"""

STEPS = """return __generator(this, function (_a) {
                switch (_a.label) {
                    case 0: return [4 /*yield*/, queryRunner.query("SELECT 1")];
                    case 1:
                        _a.sent();
                        %s
                        return [4 /*yield*/, queryRunner.query("SELECT 2")];
                    case 2:
                        _a.sent();
                        return [2 /*return*/];
                }
            });"""


@pytest.mark.parametrize(
    ("middle", "sql"),
    [
        ("", ["SELECT 1;", "SELECT 2;"]),
        ("return [2 /*return*/];", ["SELECT 1;"]),
        ("this.x = `y`;", ["SELECT 1;", "SELECT 2;"]),
        ("rows = _a.sent();", []),
        ("return [2 /*return*/, _a.sent()];", ["SELECT 1;"]),
        ("return [2 /*return*/, x(_a.sent())];", []),
        ("if (x) return [3 /*break*/, 2];", []),
        ("_a.trys.push([0, 2, , 3]);", []),
    ],
)
def test_classes_and_methods_as_typescript_writes_them_for_es5(convert: Convert, middle: str, sql: list[str]) -> None:
    text = ES5 % (STEPS % middle, "exports.A1690000000000 = A1690000000000;")
    (draft,) = convert("typeorm", {"a.js": text}).drafts
    up, _, down = draft.text.partition("-- migrate:down\n")
    marker, *lines = up.splitlines()
    assert (draft.key, marker, down) == ("A1690000000000", "-- migrate:up transaction:false", "SELECT 0;\n")
    assert [line for line in lines if line.startswith("SELECT")] == sql
    assert len(draft.places) == ("this.x" in middle) + (not sql)
    assert draft.text.count("RAISE") == len(draft.places)


def test_variables_of_a_method_for_es5(convert: Convert) -> None:
    steps = (STEPS % 'sql = "SELECT " + "3";').replace('"SELECT 2"', "sql")
    text = ES5 % (f"var a, sql;\n{steps}", "exports.A1690000000000 = A1690000000000;")
    (draft,) = convert("typeorm", {"a.js": text}).drafts
    assert "SELECT 1;\nSELECT 3;\n-- migrate:down" in draft.text


def test_a_class_for_es5_that_is_not_exported_is_a_place(convert: Convert) -> None:
    converted = convert("typeorm", {"a.js": (ES5 % (STEPS % "", "")).replace("exports.A1690000000000 = void 0;", "")})
    assert (converted.drafts, [place.line for place in converted.places]) == ((), [7])


@pytest.mark.parametrize(
    "text",
    [
        ES5 % (STEPS % "", "exports.A1690000000000 = A1690000000000;"),
        "export class A1690000000000 { readonly name?: string | undefined = `A1690000000000`\n transaction = false\n"
        " async up(queryRunner: QueryRunner): Promise<void> { await queryRunner.query(`SELECT ${1}` + '1') }\n"
        " isTransactional() { return false }\n}\nexport class B1690000000001 extends A1690000000000 { up = () => 1 }",
    ],
)
def test_what_is_cut_off_anywhere_is_read_to_its_end(text: str) -> None:
    for end in range(len(text)):
        TOOL.convert([Text("a.ts", "a.ts", text[:end])])
