from django.contrib import admin
from django.urls import path

from books import views

urlpatterns = [
    path("", views.about),
    path("books/", views.index),
    path("admin/", admin.site.urls),
]
