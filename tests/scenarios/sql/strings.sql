-- Constants.
SELECT 'a;b';
SELECT 'it''s;';
SELECT '''', ';''', ''';';
SELECT E'it\'s; --';
SELECT e'\\', E'\\\'', ';';
SELECT 'C:\', ';';
SELECT 'C:\';
SELECT '\'';''';
SELECT 'one;'
    'two;';
SELECT E'one\';'
    'two\';' -- the escapes go on
    ;
SELECT E'one;' -- between; the 'two'

    -- and again ';
    '\';' AS a;
SELECT 'no escapes\'
    '\', E'\'';
SELECT U&'\0041;', u&'d!0061t!+000061;' UESCAPE '!', U & 'a;b';
SELECT N'a;b', n'it''s;', B'0101', b'', X'1F', x'a;' FROM t;
SELECT date '2020-01-01', interval '1;' hour, timestamp with time zone 'now;';
SELECT $$a;b$$, $x$;$$;$x$, $X$;$x$;$X$, $_1$;$_1$, $é$;$e$;$é$, $$'$$, $$--$$, $$/*$$;
SELECT $a$ $b$ ; $a$, 1;
SELECT $$
    many; lines
$$, $$$$, $a$$a$, $a$$$a$, $a$ $a $$ a$ $ $a$;
SELECT a$$b, c$d$e, c$d$, a$, a$$ FROM t$1;
PREPARE by_number (integer, text) AS SELECT $1, $2 || ';', $1+$2;
EXECUTE by_number (1, ';');
SELECT ';', E';', N';', ';'';', E';''\';', $$;$$, ";", U&";" FROM ";";
SELECT 'tab	; and é ü 漢字; and 🐘;' AS "漢字;🐘", 'x';
SELECT '--', '/*', '*/', '-- migrate:down', '$$';
SELECT '
-- migrate:up
';
INSERT INTO t (a, b) VALUES ('x;', E'\n;\\'), ('''', E'\''), (E'\'\\''', '\');
SELECT 'a' LIKE 'a;%' ESCAPE '\', 'a' SIMILAR TO '%;' ESCAPE '!', 'b' ~ E'^\\d;$';
SELECT 1_000, 0x1F, 0o17, 0b11, 1.5e10, .5, 5., 1e-3, 1.e+2, 10 % 3;
SELECT '', E'', N'', U&'', B'', $$$$, $a$$a$;
SELECT json '{"a": "it''s;"}', '{"a;": [1, 2]}'::jsonb, '\x3b'::bytea, E'\\x3b'::bytea;
SELECT E'\x3b\073\u003b\U0000003b', E'a\
b;';
SELECT 'unfinished'
