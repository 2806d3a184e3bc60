"""The project's one address."""

from django.conf import settings
from django.urls import include, path

from views import page

urlpatterns = [path("", page)]
if settings.FOLLOWS:
    urlpatterns.append(path("__reload__/", include("django_browser_reload.urls")))
