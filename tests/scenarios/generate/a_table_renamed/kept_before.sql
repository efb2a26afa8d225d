SELECT title FROM blog_book ORDER BY 1
