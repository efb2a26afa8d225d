CREATE INDEX by_hand ON blog_book (title);
