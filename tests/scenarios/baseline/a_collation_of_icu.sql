-- has: CREATE COLLATION natural_sort
-- has: DROP COLLATION natural_sort;
CREATE COLLATION natural_sort (provider = icu, locale = 'und-u-kn-true', deterministic = false);
ALTER TABLE blog_post ADD n text COLLATE natural_sort;
