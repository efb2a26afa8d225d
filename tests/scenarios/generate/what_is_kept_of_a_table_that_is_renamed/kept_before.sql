SELECT name, legacy FROM blog_author
