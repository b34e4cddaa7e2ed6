"""What the ORM cannot say: of a passage only who it was may be forgotten, and a note is for ever."""

from django.conf import settings
from django.db import migrations


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as adds both; it may empty one column, and no more."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    for table in ("settlement_passage", "settlement_terminalnote"):
        schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
    schema_editor.execute(f"GRANT UPDATE (account_ref) ON settlement_passage TO {role}")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0008_passages_and_notes")]

    operations = [migrations.RunPython(take_rights, migrations.RunPython.noop)]
