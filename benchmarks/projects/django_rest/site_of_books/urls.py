"""Where everything is."""

from catalogue.urls import router as books
from catalogue.views import index
from django.contrib import admin
from django.urls import include, path
from members.urls import router as people
from orders.urls import router as baskets

urlpatterns = [
    path("", index),
    path("admin/", admin.site.urls),
    path("books/", include(books.urls)),
    path("orders/", include(baskets.urls)),
    path("members/", include(people.urls)),
]
