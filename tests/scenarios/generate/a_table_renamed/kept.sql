SELECT title FROM blog_volume ORDER BY 1
