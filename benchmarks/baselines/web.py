"""The same endpoints in FastAPI and Starlette.

They run on the same server with the same number of workers as the product.
"""

import datetime as dt
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import boto3
import jwt
import structlog
from botocore.config import Config
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

pool = AsyncConnectionPool(
    os.environ.get("BASELINE_DATABASE", ""), open=False, min_size=4, max_size=8
)
store = boto3.client(
    "s3",
    endpoint_url=os.environ.get("S3_ENDPOINT_URL") or None,
    aws_access_key_id=os.environ.get("S3_ACCESS_KEY_ID", "x"),
    aws_secret_access_key=os.environ.get("S3_SECRET_ACCESS_KEY", "x"),
    region_name="auto",
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
)

INSERT = """
INSERT INTO media_upload (id, created_at, updated_at, key, filename, folder, content_type,
    declared_size, sha256, expires_at, state, refusal, etag, organization_id, resource_id, user_id)
VALUES (%s, now(), now(), %s, %s, '', %s, %s, '', now() + interval '15 minutes', 'ISSUED', '', '',
    NULL, NULL, %s)
"""


# One JSON line per request, like the product.
log = structlog.wrap_logger(
    structlog.WriteLogger(sys.stderr),
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
)


class PresignRequest(BaseModel):
    filename: str = Field(min_length=1, max_length=255)
    content_type: Literal["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"]
    file_size: int | None = Field(default=None, ge=1, le=52428800)


class PresignResponse(BaseModel):
    upload_url: str
    file_url: str
    upload_method: str
    upload_headers: dict[str, str]
    expires_in_seconds: int
    max_file_size: int


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    await pool.open()
    yield
    await pool.close()


presigning = FastAPI(lifespan=lifespan)


async def current_user(authorization: Annotated[str, Header()]) -> uuid.UUID:
    claims = jwt.decode(
        authorization.removeprefix("Bearer "),
        os.environ["SECRET_KEY"],
        algorithms=["HS256"],
        options={"verify_aud": False},
    )
    async with pool.connection() as connection:
        query = "SELECT id, is_active FROM accounts_user WHERE id = %s"
        row = await (await connection.execute(query, [claims["sub"]])).fetchone()
    if row is None or not row[1]:
        raise HTTPException(401)
    user_id: uuid.UUID = row[0]
    return user_id


@presigning.post("/presign", response_model=PresignResponse)
async def presign(
    payload: PresignRequest,
    user_id: Annotated[uuid.UUID, Depends(current_user)],
    response: Response,
) -> Any:
    started, upload_id = time.perf_counter(), uuid.uuid4()
    stamp = int(dt.datetime.now(dt.UTC).timestamp())
    key = f"temp/{upload_id}_{stamp}_{payload.filename}"
    signed = {
        "Bucket": os.environ["R2_BUCKET_NAME"],
        "Key": key,
        "ContentType": payload.content_type,
        "ContentLength": payload.file_size,
    }
    url = store.generate_presigned_url("put_object", Params=signed, ExpiresIn=900)
    async with pool.connection() as connection:
        values = [
            upload_id,
            key,
            payload.filename,
            payload.content_type,
            payload.file_size,
            user_id,
        ]
        await connection.execute(INSERT, values)
    response.headers["X-Request-ID"] = request_id = str(uuid.uuid4())
    took = round((time.perf_counter() - started) * 1000, 1)
    log.info("request", request_id=request_id, status=200, ms=took, user_id=str(user_id))
    return {
        "upload_url": url,
        "file_url": f"{os.environ['S3_ENDPOINT_URL']}/{key}",
        "upload_method": "PUT",
        "upload_headers": {"Content-Type": payload.content_type},
        "expires_in_seconds": 900,
        "max_file_size": 52428800,
    }


async def redirect(request: Request) -> RedirectResponse:
    return RedirectResponse(f"https://cdn.example/{request.path_params['path']}", status_code=302)


redirecting = Starlette(routes=[Route("/files/{path:path}", redirect)])
