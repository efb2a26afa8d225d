SELECT name FROM blog_city
