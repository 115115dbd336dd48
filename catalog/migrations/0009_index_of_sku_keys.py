from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Func, Q, Value
from django.db.models.functions import Lower

SKU_KEY = Func(Lower("sku"), Value(r""" -_./\:*?"<>|"""), Value(""), function="translate")


class Migration(migrations.Migration):
    """Builds the indexes while the table is in use, without a time limit."""

    atomic = False
    dependencies = [("catalog", "0008_empty_trash_before_reversal")]

    operations = [
        migrations.RunSQL(
            sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
            reverse_sql=["RESET statement_timeout", "RESET lock_timeout"],
        ),
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                "organization",
                SKU_KEY,
                condition=Q(organization__isnull=False, deleted_at__isnull=True),
                name="product_sku_key_of_org",
            ),
        ),
        AddIndexConcurrently(
            model_name="product",
            index=models.Index(
                "user",
                SKU_KEY,
                condition=Q(organization__isnull=True, deleted_at__isnull=True),
                name="product_sku_key_of_user",
            ),
        ),
        migrations.RunSQL(
            sql=["RESET statement_timeout", "RESET lock_timeout"],
            reverse_sql=["SET statement_timeout = 0", "SET lock_timeout = 0"],
        ),
    ]
