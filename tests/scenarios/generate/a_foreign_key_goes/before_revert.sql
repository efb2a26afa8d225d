DELETE FROM blog_book;
