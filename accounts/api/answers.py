"""Answers of the account routes that the shared schema does not add by itself."""

from drf_spectacular.utils import OpenApiResponse

ERROR = {"$ref": "#/components/schemas/Error"}
CONFLICT = OpenApiResponse(ERROR, description="Conflict with the current state")
WRONG_CREDENTIALS = OpenApiResponse(ERROR, description="The credentials do not hold")
LOCKED_OUT = OpenApiResponse(ERROR, description="Too many wrong passwords; wait")
