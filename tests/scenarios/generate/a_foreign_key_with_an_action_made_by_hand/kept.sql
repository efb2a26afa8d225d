SELECT book_id FROM blog_note
