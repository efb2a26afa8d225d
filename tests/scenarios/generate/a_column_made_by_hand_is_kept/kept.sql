SELECT title, search FROM blog_book ORDER BY 1
