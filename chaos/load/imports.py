"""Tables that are imported."""

from typing import Final

from chaos.ledger import ExpectedImport
from chaos.load.member import Member

ROWS: Final = 40
PHOTOS: Final = 2


def import_table(member: Member, name: str) -> None:
    """Import a table of products, two of them with a photo, and one row without a name."""
    prefix = name.replace(" ", "-").upper()
    names = {f"{prefix}-{row}": f"{name} row {row}" for row in range(ROWS)}
    texts = {sku: member.text(sku) for sku in list(names)[:: ROWS // PHOTOS]}
    urls = {sku: member.api.upload(member.photos(text)) for sku, text in texts.items()}
    rows = [f"{sku},{text},{urls.get(sku, '')}" for sku, text in names.items()]
    table = "\n".join(["sku,name,cover_image", *rows, f"{prefix}-WITHOUT-NAME,,"])
    filename = f"{prefix}.csv"
    job_id = member.api.import_table(filename, table.encode())
    digests = {sku: member.photos.digest(text) for sku, text in texts.items()}
    member.ledger.add_import(ExpectedImport(job_id, filename, names, digests, refused_rows=1))
