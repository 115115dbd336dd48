"""A large form that is never in memory as a whole."""

import io
from collections.abc import Iterator
from typing import Any

from catalog.models import Subject
from catalog.tests.services import model_files as files
from media.storage import ObjectHead, ObjectHeaders, factory
from media.storage.contract import Body
from media.storage.s3.multipart import chunks_of
from media.storage.testing.memory import MemoryStore


class GeneratedBody(io.RawIOBase):
    """A request body of zeros between a head and a tail, generated while it is read."""

    def __init__(self, head: bytes, zeros: int, tail: bytes) -> None:
        self.length = len(head) + zeros + len(tail)
        self._chunks = self._generate(head, zeros, tail)
        self._unread = b""

    @staticmethod
    def _generate(head: bytes, zeros: int, tail: bytes) -> Iterator[bytes]:
        yield head
        for start in range(0, zeros, 65536):
            yield bytes(min(65536, zeros - start))
        yield tail

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        self._unread = self._unread or next(self._chunks, b"")
        chunk, self._unread = self._unread[: len(target)], self._unread[len(target) :]
        target[: len(chunk)] = chunk
        return len(chunk)


def form_of(subject: Subject, *, size: int) -> GeneratedBody:
    """Return a form whose file is a safetensors file of exactly `size` bytes."""
    start = files.safetensors({}, body=b"")
    field = '--b\r\nContent-Disposition: form-data; name="subject"\r\n\r\n'
    file_header = 'Content-Disposition: form-data; name="file"; filename="shoe.safetensors"'
    head = f"{field}{subject.pk}\r\n--b\r\n{file_header}\r\n\r\n".encode() + start
    return GeneratedBody(head, size - len(start), b"\r\n--b--\r\n")


class CountingStore(MemoryStore):
    """Counts the bytes of a put instead of storing them."""

    received_bytes = 0

    def installed_as_private_store(self) -> Any:
        return factory.replaced(private=self)

    def put(self, key: str, body: Body, *, headers: ObjectHeaders) -> ObjectHead:
        for chunk in chunks_of(body):
            self.received_bytes += len(chunk)
        return super().put(key, b"", headers=headers)
