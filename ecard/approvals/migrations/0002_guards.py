"""What was asked stays as it was asked; the rule begins with the second person."""

from django.conf import settings
from django.db import migrations

DECIDED = "state, mode, decided_by_id, decided_at, reason, effective_at, used_at"


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may decide, but never rewrite what was asked."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON approvals_approval FROM {role}")
    schema_editor.execute(f"GRANT UPDATE ({DECIDED}) ON approvals_approval TO {role}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON approvals_approvalrule FROM {role}")


def add_rule(apps, schema_editor):
    """The one row, so that it has a page from the beginning."""
    apps.get_model("approvals", "ApprovalRule").objects.create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]

    operations = [
        migrations.RunPython(take_rights, migrations.RunPython.noop),
        migrations.RunPython(add_rule, migrations.RunPython.noop),
    ]
