SELECT name, legacy FROM blog_writer
