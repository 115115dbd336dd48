import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from catalog.models import Product
from catalog.services import sku_spellings

MAX_SHOWN = 20  # SKUs that cannot be corrected


class Command(BaseCommand):
    """Report SKUs that are not normalized, and correct those whose new SKU is free."""

    help = (
        "Correct SKUs: normalize them to NFC, remove invisible characters and surrounding "
        "spaces. Only reports unless --execute is given. Products whose corrected SKU is "
        "taken are only reported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options for writing and for JSON output."""
        parser.add_argument("--execute", action="store_true", help="correct the SKUs")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Report the SKUs, and correct them with --execute."""
        report = sku_spellings.find_spellings(Product.objects.all())
        renamed = 0
        if options["execute"]:
            renamed = sku_spellings.rename(report.renamable, Product.objects.all())
        counts = {
            "renamable": len(report.renamable),
            "colliding": len(report.colliding),
            "renamed": renamed,
        }
        if options["json"]:
            self.stdout.write(json.dumps(counts))
            return
        self.stdout.write(", ".join(f"{count} {name}" for name, count in counts.items()))
        for spelling in report.colliding[:MAX_SHOWN]:
            change = f"{spelling.product_id} {spelling.sku!a} would become {spelling.cleaned!a}"
            self.stdout.write(f"{change}, the SKU of {spelling.conflicting_id}")
