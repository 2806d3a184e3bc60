import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(DEBUG=True, SECRET_KEY="a-key-for-development", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])


def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse("served by a rule\n", content_type="text/plain")


urlpatterns = [path("", index)]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
