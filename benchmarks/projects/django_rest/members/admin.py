"""For the staff."""

from django.contrib import admin

from members.models import Member


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    """The list."""

    list_display = ("name",)
    search_fields = ("name",)
