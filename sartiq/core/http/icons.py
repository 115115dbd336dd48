"""The favicon."""

from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@require_safe
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect to the icon, whose static file name changes with its content."""
    return HttpResponseRedirect(static("sartiq/favicon.svg"))
