DO $$BEGIN EXECUTE (SELECT format('ALTER TABLE blog_note DROP CONSTRAINT %I', conname) FROM pg_constraint
    WHERE conrelid = 'blog_note'::regclass AND contype = 'f'); END$$;
ALTER TABLE blog_note ADD CONSTRAINT by_hand FOREIGN KEY (book_id) REFERENCES blog_book ON DELETE CASCADE;
