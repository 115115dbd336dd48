"""Product tables as a shop would send them: every hundredth row is rejected."""

import csv
import random
from pathlib import Path

FIELDS = ("sku", "name", "brand", "description", "gender", "materials", "color")
INVALID_EVERY, INVALID_OFFSET = 100, 50
CHANGED_EVERY, CHANGED_OFFSET = 10, 3  # never an invalid row

_BRANDS = ("Sartiq", "Aurelio & Sons", "Nørreport", "Maison Clé", "Hikari", "Two Pines")
_KINDS = ("Oxford shoe", "Wool coat", "Linen shirt", "Silk scarf", "Chelsea boot", "Denim jacket")
_COLORS = ("black", "off-white", "navy", "bordeaux", "olive", "sand")
_MATERIALS = ("100% leather", "80% wool, 20% cashmere", "linen", "silk", "organic cotton")
_SENTENCES = (
    "Handmade in small numbers",
    'Soft lining, 2" heel, stitched sole',
    "Relaxed fit; size down for a closer one",
    "Washed before sewing, so it keeps its shape",
    "Photographed on location, autumn and winter",
)


def write_table(path: Path, *, rows: int, changed: bool = False) -> None:
    """Write `rows` rows; in the changed table every tenth has another name."""
    generator = random.Random(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(FIELDS)
        for number in range(rows):
            cells = _row(generator, number)
            if changed and number % CHANGED_EVERY == CHANGED_OFFSET:
                cells[1] += " (new)"
            if number % INVALID_EVERY == INVALID_OFFSET:
                _make_invalid(cells, number // INVALID_EVERY)
            out.writerow(cells)


def invalid_rows(rows: int) -> int:
    """Return how many rows of such a table are rejected."""
    return len(range(INVALID_OFFSET, rows, INVALID_EVERY))


def changed_rows(rows: int) -> int:
    """Return how many valid rows of the changed table differ from the first one."""
    return len(range(CHANGED_OFFSET, rows, CHANGED_EVERY))


def _row(generator: random.Random, number: int) -> list[str]:
    pick = generator.choice
    kind, color = pick(_KINDS), pick(_COLORS)
    description = f"{pick(_SENTENCES)}. {pick(_SENTENCES)}."
    gender = pick(("women", "men", "unisex"))
    name = f"{kind} {color} {number}"
    sku = f"AW26-{number:07}-{pick('SML')}"
    return [sku, name, pick(_BRANDS), description, gender, pick(_MATERIALS), color]


def _make_invalid(cells: list[str], number: int) -> None:
    """Make one cell invalid, in one of four ways."""
    if number % 4 == 0:
        cells[0] = " "
    elif number % 4 == 1:
        cells[1] = ""
    elif number % 4 == 2:
        cells[6] = "a colour of very many words " * 5
    else:
        cells[4] = "for whoever likes it, " * 5
