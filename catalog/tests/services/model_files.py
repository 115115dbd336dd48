"""Small model files, valid and malicious."""

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

GOOD_HEADER: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "lora.up": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "lora.down": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]},
}


def safetensors(header: Any = None, *, body: bytes = bytes(16)) -> bytes:
    encoded = json.dumps(GOOD_HEADER if header is None else header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + body


class Calls:
    """Pickles to a function call, as a malicious model does."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def evil_pickle(target: Path) -> bytes:
    """Return a pickle that creates a file when it is loaded."""
    return pickle.dumps({"weights": Calls(exec, f"open({str(target)!r}, 'w').close()")})


def harmless_pickle() -> bytes:
    return pickle.dumps(OrderedDict(weights=1.0), protocol=2)


def zipped(*pickles: bytes) -> bytes:
    """Return pickles in the newer PyTorch format, which has one in most files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, pickled in enumerate(pickles):
            archive.writestr(f"model/data{number or ''}.pkl", pickled)
        archive.writestr("model/data/0", bytes(16))
    return buffer.getvalue()
