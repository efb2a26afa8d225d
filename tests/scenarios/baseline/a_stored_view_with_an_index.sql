CREATE MATERIALIZED VIEW counts WITH (fillfactor = 50) AS SELECT count(*) AS n FROM blog_post WITH NO DATA;
CREATE UNIQUE INDEX counts_n ON counts (n);
CREATE FUNCTION of_counts() RETURNS bigint STABLE BEGIN ATOMIC SELECT n FROM counts; END;
CREATE POLICY p ON blog_author USING (of_counts() > 0);
