-- Comments; everywhere
SELECT 1 -- a; comment
    + 2; -- after; it's
SELECT /* ; */ 1 /* ' */, /* " */ 2 /* $$ */;
/* before; */ SELECT 1; /* behind; */
SELECT /* nested /* ; */ still; */ 1;
SELECT /* /* /* */ */ ; ' */ 1;
SELECT /*/ ' */ 1;
SELECT /**/ 1 /***/, /* **/ 2 /* // */ , 3 /*/**/*/;
SELECT 1--;
;
SELECT 1 - -1, 2 -/* ; */- 2, 3 */* ; */ 4, 5 /(/* ; */ 6);
SELECT 1 +--;'
 2;
SELECT a<--1;
b FROM t;
--
----
--;
/**//**/;;
;-- alone
;
SELECT 1;;;SELECT 2; ; SELECT 3;
SELECT '--', '/*', 1; -- '
SELECT "--", "/*" FROM t; -- "
SELECT $$--$$, $$/*$$; -- $$
SELECT 1 -- no semicolon on this line /*
; /* ' */ SELECT 2 -- the last; has none
/* nothing
   but ; a comment */
