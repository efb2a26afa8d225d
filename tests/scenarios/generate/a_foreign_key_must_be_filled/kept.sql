SELECT title FROM blog_book
