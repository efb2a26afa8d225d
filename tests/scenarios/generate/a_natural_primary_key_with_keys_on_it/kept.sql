SELECT country_id FROM blog_city
