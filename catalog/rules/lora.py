"""Checks of LoRA model files, which are never loaded."""

import json
import struct
from pathlib import PurePosixPath
from typing import Any, Final

from catalog.errors import ModelFileError

MIB: Final = 1024 * 1024
MAX_SIZE: Final = 100 * MIB
MAX_HEADER: Final = 8 * MIB
LENGTH_BYTES: Final = 8  # a safetensors file starts with the length of its header
SAFETENSORS: Final = ".safetensors"
PICKLES: Final = frozenset({".ckpt", ".pt", ".pth", ".bin"})
FORMATS: Final = (SAFETENSORS, *sorted(PICKLES))
TOO_LARGE: Final = f"The file is larger than {MAX_SIZE // MIB} MiB."


def require_acceptable(*, filename: str, size: int) -> str:
    """Return the format of a model file; reject other formats, empty and too large files."""
    suffix = PurePosixPath(filename).suffix.lower()
    if suffix not in FORMATS:
        raise ModelFileError(f"The file name must end in {', '.join(FORMATS)}.")
    if not size:
        raise ModelFileError("The file is empty.")
    if size > MAX_SIZE:
        raise ModelFileError(TOO_LARGE)
    return suffix


def header_length(start: bytes, *, size: int) -> int:
    """Return the header length that the first bytes of a safetensors file declare."""
    if len(start) < LENGTH_BYTES:
        raise ModelFileError("This is not a safetensors file: it is too short.")
    (length,) = struct.unpack("<Q", start[:LENGTH_BYTES])
    if length > MAX_HEADER:
        raise ModelFileError(
            f"The header of this safetensors file is larger than {MAX_HEADER // MIB} MiB."
        )
    if LENGTH_BYTES + length > size:
        raise ModelFileError("The safetensors file is cut off: its header is longer than the file.")
    return int(length)


def count_tensors(header: bytes, *, body_size: int) -> int:
    """Return the number of tensors in a safetensors header; each must lie within the file."""
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError):
        raise ModelFileError("This is not a safetensors file: its header is not JSON.") from None
    if not isinstance(entries, dict):
        raise ModelFileError("This is not a safetensors file: its header is not a JSON object.")
    tensors = [entry for name, entry in entries.items() if name != "__metadata__"]
    if not all(_lies_within(tensor, body_size) for tensor in tensors):
        message = "The safetensors file is damaged: the position of a tensor is outside the file."
        raise ModelFileError(message)
    return len(tensors)


def _lies_within(tensor: Any, body_size: int) -> bool:
    if not isinstance(tensor, dict):
        return False
    match tensor.get("data_offsets"):
        case [int(start), int(end)]:
            return 0 <= start <= end <= body_size
    return False
