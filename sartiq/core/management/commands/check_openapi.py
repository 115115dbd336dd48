import difflib
from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from drf_spectacular import validation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

from sartiq.settings.environment import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "openapi.yaml"
LINES_SHOWN = 40


class Command(BaseCommand):
    """Check that the published OpenAPI document matches the routes."""

    help = "Compare docs/openapi.yaml with the generated schema; --write updates it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options to write the document, and to choose its file."""
        parser.add_argument("--write", action="store_true", help="Write the document.")
        parser.add_argument("--file", type=Path, default=DOCUMENT, help="The document.")

    def handle(self, *args: Any, write: bool, file: Path, **options: Any) -> None:
        """Fail on a warning of the generator, an invalid schema or a difference."""
        generated = _generate()
        if write:
            file.write_text(generated, encoding="utf-8")
            self.stdout.write(f"Wrote {file.name}.")
            return
        published = file.read_text(encoding="utf-8") if file.exists() else ""
        if published != generated:
            raise CommandError(_difference(published, generated, file.name))
        self.stdout.write(f"{file.name} matches the routes.")


def document() -> dict[str, Any]:
    """Return the OpenAPI document that the API serves."""
    generator: Any = SchemaGenerator
    schema: dict[str, Any] = generator().get_schema(request=None, public=True)
    return schema


def _generate() -> str:
    GENERATOR_STATS.reset()
    schema = document()
    if GENERATOR_STATS:
        raise CommandError("The generator warned; see above.")
    library: Any = validation  # untyped
    library.validate_schema(schema)
    renderer: Any = OpenApiYamlRenderer()
    return str(renderer.render(schema, renderer_context={}).decode())


def _difference(published: str, generated: str, name: str) -> str:
    lines = difflib.unified_diff(
        published.splitlines(), generated.splitlines(), name, "generated", lineterm="", n=2
    )
    changes = "\n".join(islice(lines, LINES_SHOWN))
    return f"{name} is out of date: run `manage.py check_openapi --write`.\n{changes}"
