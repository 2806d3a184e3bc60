"""The catalogue, for Django."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Where it is."""

    name = "catalogue"
