"""Where they are."""

from rest_framework.routers import DefaultRouter

from members.views import MemberViewSet

router = DefaultRouter()
router.register("", MemberViewSet)
