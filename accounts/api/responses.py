"""OpenAPI responses that only the account routes use."""

from drf_spectacular.utils import OpenApiResponse

from sartiq.core.api.schema.document import ERROR_RESPONSE

WRONG_CREDENTIALS = OpenApiResponse(ERROR_RESPONSE, description="The credentials are not valid")
LOCKED_OUT = OpenApiResponse(
    ERROR_RESPONSE, description=("Too many failed sign-ins; try again later")
)
