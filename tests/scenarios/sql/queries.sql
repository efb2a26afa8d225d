-- Queries with every operator that a splitter may stumble over.
SELECT a ? 'b;', a ?| ARRAY['b;', 'c'], a ?& ARRAY['d'] FROM t;
SELECT a @> '{"b": ";"}', a <@ b, a #> '{a,b}', a #>> '{a;b}', a #- '{a}', a @? '$.a[*] ? (@ > 2);', a @@ '$.a == ";"' FROM t;
SELECT a -> 'b' ->> 'c;', a -> 0, a || b, a - 'b;', a['b;'], (a).b[1:2], a[:], (b.c).* FROM t;
SELECT a ~ ';', a ~* ';', a !~ ';', a !~* ';', a ~~ 'b;%', a !~~* 'b', a ^@ 'b;' FROM t;
SELECT !! 'a;b'::tsquery, |/ 25.0, ||/ 27.0, @ -5, ~ 5, 5 # 3, 1 << 2, 8 >> 1, 5 & 3, 5 | 3, 2 ^ 3, 10 % 3;
SELECT a = ANY ('{a;,b}'), a <> ALL (ARRAY[1, 2]), a OPERATOR(pg_catalog.+) b, a::int::text, CAST(a AS numeric(10, 2)) FROM t;
SELECT ARRAY[[1, 2], [3, 4]]::integer[][], ARRAY(SELECT 1), ROW(1, ';'), (1, 2) = (3, 4), a[1][2], '{1;2}'::text[];
SELECT f(a => 1, b := ';'), f(VARIADIC ARRAY['a;']) FROM t;
WITH RECURSIVE w (n) AS NOT MATERIALIZED (SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < 5)
    SEARCH DEPTH FIRST BY n SET ordered
    SELECT * FROM w;
SELECT count(*) FILTER (WHERE a > ';') OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
FROM t GROUP BY GROUPING SETS ((a), (b), ()) HAVING count(*) > 1 ORDER BY 1 DESC NULLS LAST LIMIT 10 OFFSET 5
FOR UPDATE OF t SKIP LOCKED;
SELECT * FROM t TABLESAMPLE system (10) REPEATABLE (1), LATERAL (SELECT ';') AS l, ROWS FROM (f(1), g(2)) WITH ORDINALITY;
SELECT * FROM a LEFT JOIN b USING (id) CROSS JOIN LATERAL unnest(ARRAY['a;']) AS u (x) NATURAL JOIN c;
SELECT extract(epoch FROM now()), substring('a;b' FROM 2 FOR 1), trim(BOTH ';' FROM ';a;'), position(';' IN 'a;');
SELECT 1 UNION (SELECT 2 EXCEPT SELECT 3) INTERSECT VALUES (4), (5);
TABLE t;
VALUES (1, ';'), (2, '');
(SELECT 1);
((SELECT 1) UNION (SELECT 2)) ORDER BY 1;
INSERT INTO t AS x (a, b) OVERRIDING SYSTEM VALUE VALUES (1, DEFAULT), (2, ';')
    ON CONFLICT ON CONSTRAINT "c;" DO UPDATE SET b = excluded.b || ';' WHERE x.a > 1 RETURNING *, a AS "x;";
UPDATE t SET (a, b) = (SELECT 1, ';'), c[1] = 2, d.e = 3 FROM u WHERE t.id = u.id AND t.note LIKE 'a;%';
UPDATE t SET a = CASE WHEN b THEN ';' ELSE (CASE c WHEN 1 THEN 'x' END) END WHERE CURRENT OF cur;
DELETE FROM ONLY t USING u WHERE t.id = u.id RETURNING t.*;
MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a
    WHEN MATCHED AND t.b = ';' THEN DELETE
    WHEN NOT MATCHED BY SOURCE THEN UPDATE SET b = ';'
    WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a);
SELECT xmlelement(name "a;", xmlattributes(';' AS b)), xmltable.* FROM xmltable('/a;' PASSING x COLUMNS b text PATH ';');
SELECT json_object('a;' VALUE 1), json_array(1, 2 NULL ON NULL), x IS JSON OBJECT, json_value(x, '$.a;' DEFAULT ';' ON ERROR) FROM t;
SELECT 'x' COLLATE "C;", now() AT TIME ZONE 'UTC;', a IS NOT DISTINCT FROM b, a BETWEEN SYMMETRIC 1 AND 2, NOT a FROM t;
SELECT (((((((((('deep;')))))))))), (SELECT (SELECT (SELECT ';')));
SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    E'far\'; in', $$;$$, ';', e'\';', ";", a$$b, /* ; /* ' */ */ -- ;
    (1), U&'\003b;', N';', 1 - 2, 3 / 4, f(E'\';', ";"), a -> 'b', 1e5, E'x' -- more ;'
    '\';' FROM t;
SELECT 1
