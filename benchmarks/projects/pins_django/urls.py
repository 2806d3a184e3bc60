"""The project's addresses."""

from django.contrib import admin
from django.urls import path

from views import books

urlpatterns = [path("", books), path("admin/", admin.site.urls)]
