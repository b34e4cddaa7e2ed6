"""The card key is made once: under another, every card would have to be bound again."""

from django.conf import settings
from django.db import migrations


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may make it and read it, and no more."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON codes_cardkey FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("codes", "0002_card_key")]

    operations = [migrations.RunPython(take_rights, migrations.RunPython.noop)]
