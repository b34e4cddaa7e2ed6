"""What the ORM cannot say: transfers are for ever, accounts are closed but never deleted."""

from django.conf import settings
from django.db import migrations

REFUSE = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger is corrected by adding', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_transfer_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_account_is_never_deleted BEFORE DELETE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
"""

ALLOW = """
DROP TRIGGER ledger_account_is_never_deleted ON ledger_account;
DROP TRIGGER ledger_transfer_is_for_ever ON ledger_transfer;
DROP FUNCTION ledger_refuse_change();
"""

# A balance update that finds room on its own page touches no index.
ROOM_FOR_BALANCES = "ALTER TABLE ledger_account SET (fillfactor = 70)"


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may add transfers and no more."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON ledger_transfer FROM {role}")
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON ledger_account FROM {role}")
    schema_editor.execute(f"GRANT USAGE ON SEQUENCE ledger_posting_group TO {role}")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE ledger_posting_group", "DROP SEQUENCE ledger_posting_group"),
        migrations.RunSQL(REFUSE, ALLOW),
        migrations.RunSQL(ROOM_FOR_BALANCES, "ALTER TABLE ledger_account RESET (fillfactor)"),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
