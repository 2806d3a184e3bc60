"""For the staff."""

from django.contrib import admin

from orders.models import Order


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """The list."""

    list_display = ("placed",)
    search_fields = ("placed",)
