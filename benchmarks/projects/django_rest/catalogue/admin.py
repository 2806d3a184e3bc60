"""For the staff."""

from django.contrib import admin

from catalogue.models import Book


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    """The list."""

    list_display = ("title",)
    search_fields = ("title",)
