"""The members, for Django."""

from django.apps import AppConfig


class MembersConfig(AppConfig):
    """Where it is."""

    name = "members"
