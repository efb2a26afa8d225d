SELECT 1 / 0; -- no migration: dbmate does not run it
