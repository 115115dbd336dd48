"""The conversion of hostile files, its limits, and processes that are killed."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil
import pytest
from PIL import Image

from exports.errors import ConversionError
from exports.models import ImageFormat
from exports.rules import image_formats
from exports.services import conversion
from exports.tests.sample_images import KINDS, encoded, scene, transparent
from media.tests.rules.file_types.specimens import gif, mp4, pdf
from media.tests.services.decoding.decoders import ROOT, forks_of, is_gone, wait_until

TARGETS = [ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.AVIF]
SLOW_SIDE = 2600  # pixels of noise that take over a second of CPU time to encode as AVIF
every_target = pytest.mark.parametrize("target", TARGETS)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


def rejection_code(source: Path, content: bytes, target: ImageFormat = ImageFormat.WEBP) -> str:
    """Return the code with which a conversion fails, leaving no file."""
    source.write_bytes(content)
    image = source.with_name("target")
    with pytest.raises(ConversionError) as excinfo:
        conversion.convert_image(source, image, image_format=target)
    assert [path.name for path in source.parent.iterdir()] == ["source"]
    assert excinfo.value.detail.endswith(".")
    return excinfo.value.code


def converts(source: Path) -> bool:
    source.write_bytes(encoded(scene(), "PNG"))
    image = conversion.convert_image(
        source, source.with_name("target"), image_format=ImageFormat.WEBP
    )
    return image.content_type == "image/webp"


@cache
def noise(side: int) -> bytes:
    """Return an image that takes long to encode."""
    pixels = random.Random(31).randbytes(side * side * 3)  # the same in every run
    return encoded(Image.frombytes("RGB", (side, side), pixels), "PNG", compress_level=0)


# --- Hostile files ----------------------------------------------------------------------------
@pytest.mark.covers("T30", "T31")
@every_target
@pytest.mark.parametrize(
    "kind", ["rgb jpeg", "rgb progressive jpeg", "rgb png", "rgb webp", "rgb avif", "still gif"]
)
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_truncated_image_is_unreadable(
    part: float, kind: str, target: ImageFormat, source: Path
) -> None:
    content = KINDS[kind]()

    assert rejection_code(source, content[: int(len(content) * part)], target) == "image_unreadable"
    assert converts(source)


@pytest.mark.covers("T30")
@every_target
@pytest.mark.parametrize(
    "content",
    [b"", b"just a text, no image" * 40, pdf(), mp4(), b"\xff\xd8\xff\xe0", b"<svg/>"],
    ids=["empty", "text", "pdf", "video", "only a start", "svg"],
)
def test_a_file_that_is_not_an_image_is_unreadable(
    content: bytes, target: ImageFormat, source: Path
) -> None:
    assert rejection_code(source, content, target) == "image_unreadable"


@pytest.mark.covers("T31")
@every_target
def test_damaged_pixels_are_unreadable(target: ImageFormat, source: Path) -> None:
    content = bytearray(noise(40))
    content[2000] ^= 0xFF  # inside the compressed pixels, which have a checksum

    assert rejection_code(source, bytes(content), target) == "image_unreadable"


@pytest.mark.covers("T31")
@every_target
def test_a_huge_image_is_refused_before_a_child_is_started(
    target: ImageFormat, source: Path
) -> None:
    conversion.stop()

    assert rejection_code(source, gif(65_535, 65_535), target) == "image_too_large"
    assert conversion.running_pid() is None


# --- Limits -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("megapixels", "gigabytes", "cpu", "wall"),
    [(1, 1, 60, 120), (50, 3.6, 60, 120), (120, 7.2, 120, 240), (600, 8, 600, 1200)],
)
def test_the_limits_grow_with_the_pixels(
    megapixels: int, gigabytes: float, cpu: int, wall: float
) -> None:
    pixels = megapixels * 1_000_000

    assert image_formats.address_space(pixels) / 2**30 == pytest.approx(gigabytes, abs=0.1)
    assert (image_formats.cpu_seconds(pixels), image_formats.wall_seconds(pixels)) == (cpu, wall)


def test_an_image_with_the_maximum_of_pixels_is_converted(source: Path) -> None:
    source.write_bytes(encoded(Image.new("L", (16_383, 7_324), 200), "JPEG"))

    image = conversion.convert_image(
        source, source.with_name("target"), image_format=ImageFormat.JPEG
    )

    assert (image.width, image.height) == (16_383, 7_324)


@pytest.mark.covers("T31", "F06")
@pytest.mark.parametrize(
    ("limit", "value", "side", "expected"),
    [
        ("CPU_SECONDS", 1, SLOW_SIDE, "conversion_failed"),
        ("WALL_SECONDS", 0.2, SLOW_SIDE, "conversion_failed"),
        ("ADDRESS_SPACE", 320 * 2**20, SLOW_SIDE, "image_too_large_for_format"),
        ("MAX_OUTPUT_BYTES", 100_000, 600, "image_too_large_for_format"),
    ],
)
def test_an_image_over_a_limit_fails_and_the_next_one_works(
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    limit: str,
    value: float,
    side: int,
    expected: str,
) -> None:
    monkeypatch.setattr(image_formats, limit, value)

    code = rejection_code(source, noise(side), ImageFormat.AVIF)
    monkeypatch.undo()

    assert code == expected
    assert converts(source)


@pytest.mark.covers("T31")
@every_target
def test_the_memory_of_the_child_does_not_grow(target: ImageFormat, source: Path) -> None:
    assert converts(source)
    pid = conversion.running_pid()
    before = psutil.Process(pid).memory_info().rss
    source.write_bytes(noise(1200))

    for _ in range(3):
        conversion.convert_image(source, source.with_name("target"), image_format=target)

    assert conversion.running_pid() == pid
    assert psutil.Process(pid).memory_info().rss < before * 1.1
    assert forks_of(pid or 0) == []


# --- Processes that die -----------------------------------------------------------------------
@pytest.mark.covers("F06")
def test_a_killed_child_is_replaced(source: Path) -> None:
    assert converts(source)
    first = conversion.running_pid()
    assert first is not None

    os.kill(first, signal.SIGKILL)

    assert converts(source)
    assert conversion.running_pid() not in {None, first}


@pytest.mark.covers("F06")
def test_a_crash_of_a_fork_fails_one_image_only(source: Path) -> None:
    assert converts(source)
    pid = conversion.running_pid() or 0
    codes: list[str] = []
    content = noise(SLOW_SIDE)
    waiting = threading.Thread(
        target=lambda: codes.append(rejection_code(source, content, ImageFormat.AVIF))
    )

    source.with_name("target").unlink()
    waiting.start()
    wait_until(lambda: len(forks_of(pid)) == 1)
    os.kill(forks_of(pid)[0], signal.SIGSEGV)
    waiting.join(10)

    assert codes == ["conversion_failed"]
    assert conversion.running_pid() == pid


_OWNER = """
import sys
from pathlib import Path
import django
django.setup()
from exports.models import ImageFormat
from exports.services import conversion
for line in sys.stdin:
    source = Path(line.strip())
    conversion.convert_image(source, source.with_name("target"), image_format=ImageFormat.AVIF)
    print(conversion.running_pid(), flush=True)
"""


@contextmanager
def owner() -> Iterator[subprocess.Popen[str]]:
    """Run a process that converts the files sent to it until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.covers("T31")
def test_the_children_of_a_killed_process_exit(source: Path, tmp_path: Path) -> None:
    source.write_bytes(encoded(transparent(), "PNG"))
    hard = tmp_path / "hard"
    hard.write_bytes(noise(SLOW_SIDE))
    with owner() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        print(source, file=process.stdin, flush=True)
        child = int(process.stdout.readline())
        print(hard, file=process.stdin, flush=True)
        wait_until(lambda: len(forks_of(child)) == 1)
        remaining = [child, *forks_of(child)]

    wait_until(lambda: all(is_gone(pid) for pid in remaining))
