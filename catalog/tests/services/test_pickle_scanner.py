import json
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.services import lora
from catalog.services.pickle_scanner import LIMITS


@pytest.mark.covers("T49")
def test_a_value_larger_than_the_memory_limit_is_not_read(tmp_path: Path) -> None:
    """The file is sparse: it takes no room on the disk. Without a limit it would be CLEAN."""
    path, size = tmp_path / "model.pt", LIMITS[resource.RLIMIT_AS] + 1
    imports_one_name = b"\x80\x04ccollections\nOrderedDict\n0"
    with path.open("wb") as file:
        file.write(imports_one_name + b"\x8e" + struct.pack("<Q", size))
        file.seek(size, 1)
        file.write(b".")

    command = [sys.executable, "-P", "-B", str(lora.SCANNER), str(path)]
    result = subprocess.run(command, capture_output=True, check=True, env={})

    assert json.loads(result.stdout) == {
        "verdict": "UNSCANNED",
        "details": "The scanner failed (MemoryError).",
    }
