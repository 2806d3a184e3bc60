"""The orders, for Django."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Where it is."""

    name = "orders"
