-- Names and labels.
SELECT "a;b" FROM "c;d"";";
CREATE TABLE "a;b""--$$" ("it's" integer, "/*" integer, "--" integer, "$$" text, "\" text);
SELECT "a"".;""", U&"d\0061t;", u&"!0061;" UESCAPE '!', "E'" FROM t;
SELECT a end FROM t;
SELECT a AS end FROM t;
SELECT a "end", b AS "END;" FROM t;
SELECT t.end, t.begin, t.case FROM t;
SELECT CASE a WHEN 1 THEN 2 END end, CASE WHEN true THEN 1 END AS case FROM t;
SELECT case when a then b end case, begin FROM t;
SELECT 1 e, 2 E, 3 b, 4 x, 5 n, 6 u, 7 U FROM t;
SELECT e'a', E' a' FROM t;
SELECT xe, me'a' FROM t;
SELECT é, ü_1, _a, __, a1, A$1, "É;" FROM überfluß;
SELECT naïve AS año, 漢字 FROM таблица;
ALTER TABLE "a;b" RENAME COLUMN "it's" TO "is;";
ALTER TABLE atomic RENAME TO begin_atomic;
CREATE TABLE begin (begin integer, atomic integer, function integer, procedure integer, copy integer, stdin text);
SELECT stdin FROM copy;
CREATE SCHEMA "x;y" AUTHORIZATION CURRENT_USER;
CREATE SCHEMA s CREATE TABLE t (a integer) CREATE VIEW v AS SELECT * FROM t;
CREATE INDEX "i;" ON t ("a;", (lower(b) || ';'));
CREATE TABLE copy (a text DEFAULT 'FROM stdin;');
DROP TABLE IF EXISTS "a;", ";b", c
