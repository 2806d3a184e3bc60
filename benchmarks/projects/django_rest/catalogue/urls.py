"""Where they are."""

from rest_framework.routers import DefaultRouter

from catalogue.views import BookViewSet

router = DefaultRouter()
router.register("", BookViewSet)
