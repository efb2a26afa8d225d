from django.contrib import admin

from project.blog.models import Author, Post

admin.site.register([Author, Post])
