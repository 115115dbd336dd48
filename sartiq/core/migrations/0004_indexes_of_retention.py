from django.db import migrations

# Tables of other packages, which have no index for what the retention looks for.
INDEXES = {
    "sartiq_refresh_token_expires": "token_blacklist_outstandingtoken (expires_at)",
    "sartiq_failed_sign_in_time": "axes_accessattempt (attempt_time)",
    "sartiq_admin_history_time": "django_admin_log (action_time)",
}


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_events"),
        ("token_blacklist", "0012_alter_outstandingtoken_user"),
        ("axes", "0009_add_session_hash"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        migrations.RunSQL(
            f"CREATE INDEX IF NOT EXISTS {name} ON {columns}", f"DROP INDEX IF EXISTS {name}"
        )
        for name, columns in INDEXES.items()
    ]
