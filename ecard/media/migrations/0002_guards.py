"""What the ORM cannot say: whose a card was is for ever, and what ended does not begin again."""

from django.conf import settings
from django.db import migrations

GUARD = """
CREATE FUNCTION media_card_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a card is never deleted';
    END IF;
    IF (NEW.cardholder_id, NEW.name, NEW.bound_at, NEW.bound_by_id)
        IS DISTINCT FROM (OLD.cardholder_id, OLD.name, OLD.bound_at, OLD.bound_by_id) THEN
        RAISE EXCEPTION 'whose a card was, and since when, is for ever';
    END IF;
    IF OLD.stopped_at IS NOT NULL AND NEW.stopped_at IS DISTINCT FROM OLD.stopped_at THEN
        RAISE EXCEPTION 'a card that was stopped stays so';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER media_card_stays BEFORE UPDATE OR DELETE ON media_card FOR EACH ROW
    EXECUTE FUNCTION media_card_stays();
"""
BACK = """
DROP TRIGGER media_card_stays ON media_card;
DROP FUNCTION media_card_stays();
"""


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may bind and stop, and no more."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE DELETE, TRUNCATE ON media_card FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("media", "0001_initial")]

    operations = [
        migrations.RunSQL(GUARD, BACK),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
    ]
