ALTER TABLE blog_book ADD s serial;
