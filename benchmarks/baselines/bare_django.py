"""A minimal Django project: no middleware, and two views that do almost nothing."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def accept(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ok": True})


def redirect(request: HttpRequest, file_path: str) -> HttpResponse:
    return HttpResponseRedirect(f"https://cdn.example/{file_path}")


urlpatterns = [path("presign", accept), path("files/<path:file_path>", redirect)]

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 50, MIDDLEWARE=[], DATABASES={}
)
django.setup()
application = get_wsgi_application()
