"""The application's configuration: what happens once all models are there."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Connects the receivers."""

    name = "shop"
    verbose_name = "The shop"
    started = 0

    def ready(self):
        """Import the receivers."""
        from shop import receivers

        self.started += 1
        receivers.SEEN.append(("ready", self.label))
