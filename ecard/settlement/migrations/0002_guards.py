"""What the ORM cannot say: sales and reversals are for ever, and a batch is stored as it came."""

from django.conf import settings
from django.db import migrations

# A batch is compressed already: trying again costs processor time and saves nothing.
STORE_AS_IT_CAME = """
ALTER TABLE settlement_batch ALTER COLUMN raw SET STORAGE EXTERNAL;
ALTER TABLE settlement_batch ALTER COLUMN evidence SET STORAGE MAIN;
ALTER TABLE settlement_quarantinedbatch ALTER COLUMN raw SET STORAGE EXTERNAL;
"""
STORE_AS_USUAL = """
ALTER TABLE settlement_batch ALTER COLUMN raw SET STORAGE EXTENDED;
ALTER TABLE settlement_batch ALTER COLUMN evidence SET STORAGE EXTENDED;
ALTER TABLE settlement_quarantinedbatch ALTER COLUMN raw SET STORAGE EXTENDED;
"""


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may add sales and reversals and no more."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    for table in ("settlement_sale", "settlement_salereversal"):
        schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
    for table in ("settlement_batch", "settlement_quarantinedbatch", "settlement_saleexception"):
        schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON {table} FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial")]

    operations = [
        migrations.RunSQL(STORE_AS_IT_CAME, STORE_AS_USUAL),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
