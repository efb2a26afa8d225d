ALTER TABLE blog_post ADD a timestamptz DEFAULT now() NOT NULL, ADD b text COLLATE "C" DEFAULT 'x; -- y', ADD c
    int GENERATED ALWAYS AS (length(title) + 1) STORED;
