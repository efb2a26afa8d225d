"""The tables are made by the SQL migrations beside this file; there are no Django migrations."""

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="posts")

    class Meta:
        indexes = (models.Index(fields=["title"], name="blog_post_title_idx"),)

    def __str__(self) -> str:
        return self.title
