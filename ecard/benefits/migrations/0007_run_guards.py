"""What a line is to be paid is never rewritten after it was listed."""

from django.conf import settings
from django.db import migrations

WORKED_ON = "left_out, duplicate, returned_minor, spent_minor"


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as lists lines anew or not at all."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE UPDATE, TRUNCATE ON benefits_runline FROM {role}")
    schema_editor.execute(f"GRANT UPDATE ({WORKED_ON}) ON benefits_runline TO {role}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON benefits_run FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("benefits", "0006_runs")]

    operations = [migrations.RunPython(take_rights, migrations.RunPython.noop)]
