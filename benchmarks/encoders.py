"""A comparison of encoders: every format at several efforts, with Pillow and with libvips.

Each image is converted in a new process, so that the peak memory is that of this image.
"""

import argparse
import functools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from benchmarks.report import show
from benchmarks.usage import peak_bytes_of_one

ROOT = Path(__file__).parents[1]
PHOTOS = (
    "aw26-oxford-shoe-front.jpg",
    "aw26-tote-bag-tan-front.webp",
    "aw26-wool-scarf-detail.avif",
    "aw26-knit-jumper-master.png",
)
SMOOTH, TEXTURED = "aw26-oxford-shoe-front.jpg", "aw26-knit-jumper-master.png"
LARGE = (5472, 3648)  # 20 megapixels
SSIM_MEAN, SSIM_VARIANCE = (0.01 * 255) ** 2, (0.03 * 255) ** 2
MIB = 1024 * 1024


@dataclass(frozen=True)
class Choice:
    """One encoder with one set of options."""

    library: str
    suffix: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        options = " ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.suffix} {self.library} {options}"


def choices() -> Iterator[Choice]:
    """Yield the compared encoders, format by format."""
    yield Choice("pillow", "jpg", {"quality": 90})
    yield Choice("pillow", "jpg", {"quality": 90, "optimize": True})
    yield Choice("vips", "jpg", {"Q": 90, "subsample_mode": "on"})
    yield Choice("vips", "jpg", {"Q": 90, "subsample_mode": "on", "optimize_coding": True})
    yield Choice("vips", "jpg", {"Q": 90, "subsample_mode": "off"})
    for effort in (0, 1, 2, 4):
        yield Choice("pillow", "webp", {"quality": 90, "method": effort})
        yield Choice("vips", "webp", {"Q": 90, "effort": effort})
    for level in (1, 3, 6):
        yield Choice("pillow", "png", {"compress_level": level})
        yield Choice("vips", "png", {"compression": level})
        yield Choice("vips", "png", {"compression": level, "filter": "all"})
    for speed in (9, 8, 6):
        yield Choice("pillow", "avif", {"quality": 90, "speed": speed, "max_threads": 1})
        yield Choice("vips", "avif", {"Q": 90, "effort": 9 - speed, "subsample_mode": "on"})


def compare_encoders(*, rounds: int) -> None:
    """Print time, memory, size and similarity for each choice."""
    with tempfile.TemporaryDirectory() as folder:
        photos = ROOT / "samples" / "photos"
        columns = ("encoder", "s", "CPU s", "peak MiB", "MB", "PSNR dB", "SSIM")
        for title, sources in (
            ("20 megapixels, a shoe on white", [enlarged(photos / SMOOTH, Path(folder))]),
            ("20 megapixels of knitwear", [enlarged(photos / TEXTURED, Path(folder))]),
            ("4 sample photos", [photos / name for name in PHOTOS]),
        ):
            rows = [measure(choice, sources, rounds=rounds) for choice in choices()]
            show(f"{title}: quality 90, one thread, median of {rounds}", columns, rows)


def enlarged(source: Path, folder: Path) -> Path:
    """Return a sample enlarged to 20 megapixels."""
    target = folder / f"{source.stem}.jpg"
    with Image.open(source) as photo:
        photo.convert("RGB").resize(LARGE, Image.Resampling.LANCZOS).save(target, quality=95)
    return target


def measure(choice: Choice, sources: list[Path], *, rounds: int) -> tuple[object, ...]:
    """Return one row of the table: sums over the images, peak memory and lowest similarity."""
    try:
        figures = [_figures(choice, source, rounds) for source in sources]
    except subprocess.CalledProcessError:  # the encoder cannot write this image at this effort
        return (choice.name, *("fails",) * 6)
    return (
        choice.name,
        sum(figure["wall"] for figure in figures),
        sum(figure["cpu"] for figure in figures),
        max(figure["peak"] for figure in figures) / MIB,
        sum(figure["bytes"] for figure in figures) / 1_000_000,
        min(figure["psnr"] for figure in figures),
        f"{min(figure['ssim'] for figure in figures):.4f}",
    )


def _figures(choice: Choice, source: Path, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"out.{choice.suffix}"
        runs = [_run(choice, source, target) for _ in range(rounds)]
        figures = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        return figures | {
            "bytes": target.stat().st_size,
            "psnr": psnr(source, target),
            "ssim": ssim(source, target),
        }


def _run(choice: Choice, source: Path, target: Path) -> dict[str, float]:
    """Convert once in a new process; return its wall-clock and CPU seconds and its peak memory."""
    arguments = json.dumps(asdict(choice) | {"source": str(source), "target": str(target)})
    response = subprocess.run(
        [sys.executable, "-m", "benchmarks.encoders", arguments],
        cwd=ROOT,
        env=os.environ | {"VIPS_CONCURRENCY": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return dict(json.loads(response.stdout))


def psnr(source: Path, target: Path) -> float:
    """Return the peak signal-to-noise ratio in decibels, 99 if the images are equal."""
    with Image.open(target) as after:
        delta = ImageChops.difference(_pixels(source), after.convert("RGB"))
    error = statistics.mean(channel**2 for channel in ImageStat.Stat(delta).rms)
    return 10 * math.log10(255**2 / error) if error else 99.0


def ssim(source: Path, target: Path) -> float:
    """Return the mean structural similarity of the luminances (Wang et al. 2004), 1 if equal."""
    one, other = (_luminance(path) for path in (source, target))
    mean_one, mean_other = _blurred(one), _blurred(other)
    covariance = _blurred(one * other) - mean_one * mean_other
    variances = (_blurred(one * one) - mean_one**2) + (_blurred(other * other) - mean_other**2)
    numerator = (2 * mean_one * mean_other + SSIM_MEAN) * (2 * covariance + SSIM_VARIANCE)
    denominator = (mean_one**2 + mean_other**2 + SSIM_MEAN) * (variances + SSIM_VARIANCE)
    return float((numerator / denominator).avg())


def _luminance(path: Path) -> Any:
    import pyvips  # noqa: PLC0415  only in this process

    return pyvips.Image.new_from_file(str(path)).colourspace("b-w")[0].cast("float")


def _blurred(image: Any) -> Any:
    return image.gaussblur(1.5, precision="float")


@functools.cache
def _pixels(source: Path) -> Image.Image:
    with Image.open(source) as before:
        return before.convert("RGB")


# --- In the new process ---------------------------------------------------------------------
def with_pillow(source: str, target: str, options: dict[str, Any]) -> None:
    """Convert with Pillow."""
    with Image.open(source) as photo:
        photo.save(target, icc_profile=photo.info.get("icc_profile"), **options)


def with_vips(source: str, target: str, options: dict[str, Any]) -> None:
    """Convert with pyvips."""
    import pyvips  # noqa: PLC0415  its memory must not count for Pillow

    photo = pyvips.Image.new_from_file(source, access="sequential")
    photo.write_to_file(target, keep="icc", **options)


def convert_and_report() -> None:
    """Convert the image of the command line's argument and print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("choice", type=json.loads)
    options = parser.parse_args().choice
    convert = {"pillow": with_pillow, "vips": with_vips}[options["library"]]
    if options["library"] == "vips":
        import pyvips  # noqa: F401, PLC0415  start-up is not measured
    wall, cpu = time.perf_counter(), time.process_time()
    convert(options["source"], options["target"], options["options"])
    figures = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak": peak_bytes_of_one("self"),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    convert_and_report()
