"""Render the sample product photos in `samples/photos` from nothing but shapes, light and grain.

Run `python samples/make_photos.py` from the root of the repository. Every picture is drawn here;
the random grain is seeded, so the same Pillow release writes the same files again.
"""

import random
from collections.abc import Sequence
from math import cos, pi, sin
from pathlib import Path
from shutil import copyfile
from typing import Any

from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageEnhance, ImageFilter
from PIL.TiffImagePlugin import IFDRational

PHOTOS = Path(__file__).parent / "photos"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

Colour = tuple[int, int, int]
Point = tuple[float, float]


# --- Surfaces ---------------------------------------------------------------------------------
def grain(size: tuple[int, int], *, seed: int, softness: float = 0.0) -> Image.Image:
    """Return grey noise around 128, coarser with more softness."""
    scale = max(1.0, softness)
    small = (max(1, int(size[0] / scale)), max(1, int(size[1] / scale)))
    noise = Image.frombytes("L", small, random.Random(seed).randbytes(small[0] * small[1]))
    return noise.resize(size, Image.Resampling.BICUBIC)


def textured(image: Image.Image, noise: Image.Image, strength: float) -> Image.Image:
    """Return the image with the noise laid over it, 128 leaving a pixel as it is."""
    soft = Image.blend(Image.new("L", noise.size, 128), noise, strength)
    layer = Image.merge("RGB", (soft, soft, soft))
    return ImageChops.add(image, layer, scale=1.0, offset=-128)


def studio(size: tuple[int, int], top: Colour, floor: Colour) -> Image.Image:
    """Return a paper backdrop: a sweep from wall to floor with a soft pool of light."""
    sweep = Image.linear_gradient("L").resize(size, Image.Resampling.BICUBIC)
    backdrop = Image.composite(Image.new("RGB", size, floor), Image.new("RGB", size, top), sweep)
    pool = ImageChops.invert(Image.radial_gradient("L")).resize(size, Image.Resampling.BICUBIC)
    lit = ImageEnhance.Brightness(backdrop).enhance(1.18)
    return Image.composite(lit, backdrop, pool)


def weave(size: tuple[int, int], pitch: int, warp: Colour, weft: Colour) -> Image.Image:
    """Return cloth: two sets of rounded threads over and under each other."""
    cell = Image.new("RGB", (2 * pitch, 2 * pitch), warp)
    draw = ImageDraw.Draw(cell)
    for row in range(2):
        for column in range(2):
            over = warp if (row + column) % 2 else weft
            for depth in range(pitch // 2):
                shade = tuple(int(part * (0.55 + 0.9 * depth / pitch)) for part in over)
                left, upper = column * pitch + depth, row * pitch + depth
                right, lower = (column + 1) * pitch - depth - 1, (row + 1) * pitch - depth - 1
                draw.rectangle((left, upper, right, lower), fill=shade)
    cloth = Image.new("RGB", size)
    for upper in range(0, size[1], 2 * pitch):
        for left in range(0, size[0], 2 * pitch):
            cloth.paste(cell, (left, upper))
    return cloth


# --- Solids -----------------------------------------------------------------------------------
def curve(points: Sequence[Point], size: tuple[int, int], steps: int = 24) -> list[Point]:
    """Return a closed smooth outline (Catmull-Rom) through points given in 0..1."""
    outline: list[Point] = []
    count = len(points)
    for index in range(count):
        p0, p1, p2, p3 = (points[(index + shift - 1) % count] for shift in range(4))
        for step in range(steps):
            t = step / steps
            outline.append(
                tuple(  # type: ignore[arg-type]
                    0.5
                    * (
                        2 * b
                        + (c - a) * t
                        + (2 * a - 5 * b + 4 * c - d) * t * t
                        + (3 * b - a - 3 * c + d) * t**3
                    )
                    * extent
                    for a, b, c, d, extent in zip(p0, p1, p2, p3, size, strict=True)
                )
            )
    return outline


def shape(size: tuple[int, int], points: Sequence[Point]) -> Image.Image:
    """Return the mask of a smooth outline."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon(curve(points, size), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(size[0] / 1500))


def rounded(surface: Image.Image, mask: Image.Image, depth: float) -> Image.Image:
    """Return the surface lit from the upper left as if the mask bulged towards the camera."""
    swell = mask.filter(ImageFilter.GaussianBlur(depth))
    shift = int(depth / 2)
    light = ImageChops.subtract(
        ImageChops.offset(swell, -shift, -shift), ImageChops.offset(swell, shift, shift), 2, 128
    )
    core = swell.point(lambda value: 60 + value * 195 // 255)
    lit = ImageChops.add(surface, Image.merge("RGB", (light,) * 3), 1.0, -128)
    return ImageChops.multiply(lit, Image.merge("RGB", (core,) * 3))


def set_down(scene: Image.Image, thing: Image.Image, mask: Image.Image) -> None:
    """Put a thing into the scene with its contact shadow."""
    width, height = scene.size
    shadow = mask.filter(ImageFilter.GaussianBlur(width / 60)).point(lambda value: value * 2 // 5)
    shadow = ImageChops.offset(shadow, width // 70, height // 40)
    scene.paste((24, 20, 22), (0, 0), shadow)
    scene.paste(thing, (0, 0), mask)


# --- Products ---------------------------------------------------------------------------------
SHOE = [
    (0.13, 0.62), (0.14, 0.47), (0.20, 0.36), (0.31, 0.33), (0.40, 0.40), (0.52, 0.49),
    (0.68, 0.53), (0.82, 0.57), (0.88, 0.64), (0.86, 0.69), (0.50, 0.70), (0.18, 0.69),
]  # fmt: skip
SOLE = [
    (0.12, 0.66), (0.30, 0.68), (0.50, 0.69), (0.70, 0.68), (0.89, 0.66), (0.89, 0.71),
    (0.70, 0.73), (0.45, 0.72), (0.30, 0.74), (0.14, 0.74),
]  # fmt: skip
TOE_CAP = [(0.70, 0.54), (0.82, 0.575), (0.88, 0.64), (0.86, 0.68), (0.74, 0.68), (0.69, 0.61)]
BAG = [
    (0.25, 0.40), (0.40, 0.385), (0.60, 0.385), (0.75, 0.40), (0.78, 0.60), (0.80, 0.82),
    (0.65, 0.85), (0.50, 0.855), (0.35, 0.85), (0.20, 0.82), (0.22, 0.60),
]  # fmt: skip


def shoe(size: tuple[int, int], leather: Colour, *, seed: int) -> tuple[Image.Image, Image.Image]:
    """Return an oxford shoe and its mask."""
    width = size[0]
    skin = textured(Image.new("RGB", size, leather), grain(size, seed=seed, softness=4), 0.10)
    body_mask = shape(size, SHOE)
    body = rounded(skin, body_mask, width / 22)
    cap = shape(size, TOE_CAP)
    body.paste(rounded(ImageEnhance.Brightness(skin).enhance(0.86), cap, width / 40), (0, 0), cap)
    sole_mask = shape(size, SOLE)
    sole = rounded(Image.new("RGB", size, (58, 40, 30)), sole_mask, width / 120)
    body.paste(sole, (0, 0), sole_mask)
    _lace(body, leather)
    return body, ImageChops.lighter(body_mask, sole_mask)


def _lace(body: Image.Image, leather: Colour) -> None:
    draw = ImageDraw.Draw(body)
    width, height = body.size
    dark = tuple(part // 3 for part in leather)
    for index in range(5):
        x, y = width * (0.36 + 0.035 * index), height * (0.42 + 0.022 * index)
        rise = height * 0.035
        draw.line((x, y, x + width * 0.035, y - rise), fill=dark, width=max(2, width // 180))
        eye = width / 260
        draw.ellipse((x - eye, y - eye, x + eye, y + eye), fill=(190, 170, 120))
    for index in range(90):  # the stitched seam along the sole
        x = width * (0.16 + 0.7 * index / 90)
        y = height * (0.665 + 0.012 * sin(index / 90 * pi))
        draw.line((x, y, x + width / 300, y), fill=(214, 188, 140), width=max(1, width // 700))


def bag(size: tuple[int, int], leather: Colour, *, seed: int) -> tuple[Image.Image, Image.Image]:
    """Return a tote bag and its mask."""
    width, height = size
    hide = textured(Image.new("RGB", size, leather), grain(size, seed=seed, softness=3), 0.14)
    mask = shape(size, BAG)
    body = rounded(hide, mask, width / 14)
    handles = Image.new("L", size)
    draw = ImageDraw.Draw(handles)
    thick = max(4, width // 45)
    box = (width * 0.36, height * 0.12, width * 0.64, height * 0.66)
    draw.arc(box, 180, 360, fill=255, width=thick)
    box = (width * 0.39, height * 0.17, width * 0.67, height * 0.62)
    draw.arc(box, 180, 360, fill=255, width=thick)
    straps = rounded(ImageEnhance.Brightness(hide).enhance(0.8), handles, width / 150)
    whole = Image.composite(body, straps, mask)
    stitches = ImageDraw.Draw(whole)
    for index in range(70):
        x, y = width * (0.24 + 0.52 * index / 70), height * 0.425
        stitches.line((x, y, x + width / 220, y), fill=(240, 222, 190), width=max(1, width // 500))
    return whole, ImageChops.lighter(mask, handles)


def shoe_scene(size: tuple[int, int], leather: Colour, *, seed: int) -> Image.Image:
    """Return a shoe on studio paper, with the grain of a sensor."""
    scene = studio(size, (216, 214, 210), (186, 180, 174))
    set_down(scene, *shoe(size, leather, seed=seed))
    return textured(scene, grain(size, seed=seed + 1), 0.03)


def bag_scene(size: tuple[int, int], leather: Colour, *, seed: int) -> Image.Image:
    """Return a bag on studio paper."""
    scene = studio(size, (226, 226, 228), (204, 200, 198))
    set_down(scene, *bag(size, leather, seed=seed))
    return textured(scene, grain(size, seed=seed + 1), 0.02)


def scarf(size: tuple[int, int], *, seed: int) -> Image.Image:
    """Return a close view of checked wool lying in folds."""
    cloth = weave(size, 8, (128, 44, 40), (46, 54, 78))
    checks = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(checks)
    for offset in range(0, max(size), 160):
        draw.rectangle((offset, 0, offset + 50, size[1]), fill=(196, 190, 176))
        draw.rectangle((0, offset, size[0], offset + 50), fill=(176, 168, 160))
    cloth = ImageChops.multiply(cloth, checks)
    folds = grain(size, seed=seed, softness=size[0] / 5).point(
        lambda value: 110 + value * 145 // 255
    )
    cloth = ImageChops.multiply(cloth, Image.merge("RGB", (folds,) * 3))
    return textured(ImageEnhance.Brightness(cloth).enhance(1.5), grain(size, seed=seed + 1), 0.08)


def jumper(size: tuple[int, int], *, seed: int) -> Image.Image:
    """Return knitted wool, every stitch a pair of leaning loops, at high sensitivity."""
    cell_size = (36, 30)
    cell = Image.new("RGB", cell_size, (92, 84, 70))
    draw = ImageDraw.Draw(cell)
    draw.line((4, 0, 18, 26), fill=(196, 186, 160), width=11)
    draw.line((32, 0, 18, 26), fill=(206, 196, 170), width=11)
    cell = cell.filter(ImageFilter.GaussianBlur(1.6))
    knit = Image.new("RGB", size)
    for upper in range(0, size[1], cell_size[1]):
        for left in range(0, size[0], cell_size[0]):
            knit.paste(cell, (left, upper))
    folds = grain(size, seed=seed, softness=size[0] / 4).point(
        lambda value: 130 + value * 125 // 255
    )
    knit = ImageChops.multiply(knit, Image.merge("RGB", (folds,) * 3))
    bands = [textured(knit, grain(size, seed=seed + 1 + n), 0.22).split()[n] for n in range(3)]
    return Image.merge("RGB", bands)


# --- Files ------------------------------------------------------------------------------------
def camera(*, orientation: int = 1, located: bool = False) -> Image.Exif:
    """Return the metadata a camera writes."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Sample Cameras", "Studio One"
    exif[0x0112] = orientation
    exif[0x0132] = "2026:09:01 10:30:00"
    exif[0x8298] = "CC0"
    if located:
        place = exif.get_ifd(0x8825)
        place[1], place[2] = "N", (IFDRational(45), IFDRational(28), IFDRational(1))
        place[3], place[4] = "E", (IFDRational(9), IFDRational(10), IFDRational(48))
    return exif


def make_stills() -> None:
    """Write the single pictures."""
    cognac, black, tan = (150, 82, 44), (52, 48, 50), (196, 148, 96)
    front = shoe_scene((2400, 1600), cognac, seed=26)
    front.save(PHOTOS / "aw26-oxford-shoe-front.jpg", quality=88, icc_profile=SRGB, exif=camera())
    copyfile(PHOTOS / "aw26-oxford-shoe-front.jpg", PHOTOS / "aw26-oxford-shoe-hero.jpg")
    upright = shoe_scene((1800, 1200), black, seed=31).transpose(Image.Transpose.ROTATE_90)
    upright.save(
        PHOTOS / "aw26-oxford-shoe-black-portrait.jpg",
        quality=90, icc_profile=SRGB, exif=camera(orientation=6),
    )  # fmt: skip
    located = shoe_scene((1600, 1200), (112, 60, 40), seed=35)
    located.save(
        PHOTOS / "aw26-oxford-shoe-on-location.jpg",
        quality=85, progressive=True, exif=camera(located=True),
    )  # fmt: skip
    bag_scene((1600, 2000), (120, 30, 44), seed=44).convert("CMYK").save(
        PHOTOS / "aw26-tote-bag-burgundy-print.jpg", quality=84
    )
    cut_out, mask = bag((1200, 1200), tan, seed=40)
    cut_out.putalpha(mask)
    cut_out.save(PHOTOS / "aw26-tote-bag-tan-cutout.png", icc_profile=SRGB, optimize=True)
    bag_scene((1600, 2000), tan, seed=41).save(
        PHOTOS / "aw26-tote-bag-tan-front.webp", quality=86, method=4, icc_profile=SRGB
    )
    scarf((1800, 1350), seed=50).save(PHOTOS / "aw26-wool-scarf-detail.avif", quality=62, speed=8)
    jumper((2616, 1744), seed=60).save(PHOTOS / "aw26-knit-jumper-master.png", icc_profile=SRGB)


def make_turntables() -> None:
    """Write the animated pictures: a light that walks around the shoe and the bag."""
    pictures: tuple[tuple[str, Any, Any, Any, dict[str, Any]], ...] = (
        ("aw26-oxford-shoe-turntable.gif", shoe_scene, (150, 82, 44), (480, 320), {}),
        ("aw26-tote-bag-turntable.webp", bag_scene, (60, 84, 72), (480, 600), {"quality": 70}),
    )
    for name, make, colour, size, options in pictures:
        still = make(size, colour, seed=70)
        frames = [_turned(still, index / 12) for index in range(12)]
        frames[0].save(
            PHOTOS / name, save_all=True, append_images=frames[1:], duration=90, loop=0, **options
        )


def _turned(still: Image.Image, turn: float) -> Image.Image:
    light = Image.radial_gradient("L").resize((still.width * 2, still.height * 2))
    shift_x = int(still.width * (0.5 + 0.3 * cos(2 * pi * turn)))
    shift_y = int(still.height * (0.5 + 0.3 * sin(2 * pi * turn)))
    near = light.crop((shift_x, shift_y, shift_x + still.width, shift_y + still.height))
    dimmed = ImageEnhance.Brightness(still).enhance(0.62)
    return Image.composite(dimmed, still, near)


def main() -> None:
    """Write every sample photo."""
    PHOTOS.mkdir(exist_ok=True)
    make_stills()
    make_turntables()


if __name__ == "__main__":
    main()
