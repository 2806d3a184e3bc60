"""The routes: the shop's, and those by which the project tells about itself."""

import telling
from django.http import JsonResponse
from django.urls import include, path


def telling_failures(get_response):
    """Tell where a request has failed."""

    def middleware(request):
        return get_response(request)

    middleware.process_exception = lambda request, error: JsonResponse(telling.failure(error), status=500)
    return middleware


def told(route):
    """A view that answers with what a function returns."""
    return lambda request: JsonResponse({"told": route()})


urlpatterns = [path("shop/", include("shop.routes"))]
urlpatterns += [path(name[1:], told(route)) for name, route in telling.ROUTES.items()]
