from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from sartiq.core.http.page_middleware import PageMessageMiddleware, PageSessionMiddleware


def innermost(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a session" if hasattr(request, "session") else "no session")


def content_of(response: HttpResponseBase) -> bytes:
    assert isinstance(response, HttpResponse)
    return response.content


def test_a_rest_request_skips_the_page_middleware() -> None:
    end = convert_exception_to_response(innermost)
    inner_handler = convert_exception_to_response(PageMessageMiddleware(end))
    outer_handler = PageSessionMiddleware(inner_handler)

    assert outer_handler.handler_after_page_middleware is end
    assert content_of(outer_handler(RequestFactory().get("/api/v1/uploads/"))) == b"no session"
    assert content_of(outer_handler(RequestFactory().get("/admin/"))) == b"a session"
