"""Published policies are for ever; the offline steps begin with the design's."""

from django.conf import settings
from django.db import migrations

REFUSE = """
CREATE FUNCTION benefits_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: a policy is replaced by publishing another', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER benefits_publishedpolicy_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON benefits_publishedpolicy
    FOR EACH STATEMENT EXECUTE FUNCTION benefits_refuse_change();
"""

ALLOW = """
DROP TRIGGER benefits_publishedpolicy_is_for_ever ON benefits_publishedpolicy;
DROP FUNCTION benefits_refuse_change();
"""

# A counter that grows finds room on its own page and touches no index.
ROOM_FOR_COUNTERS = "ALTER TABLE benefits_usagecounter SET (fillfactor = 70)"

STEPS = [  # seconds, a sale, a person
    (15 * 60, 200_00, 500_00),
    (4 * 3600, 100_00, 200_00),
    (24 * 3600, 60_00, 120_00),
    (72 * 3600, 40_00, 80_00),
    (7 * 24 * 3600, 20_00, 40_00),
]


def take_rights(apps, schema_editor):
    """The role that web, worker, demo and tests run as may add policies and no more."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.ECARD_RUNTIME_ROLE])
        if cursor.fetchone() is None:
            return
    role = schema_editor.quote_name(settings.ECARD_RUNTIME_ROLE)
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON benefits_publishedpolicy FROM {role}")


def add_steps(apps, schema_editor):
    """The table of section 7 of the design; an administrator may change it afterwards."""
    AgeStep = apps.get_model("benefits", "AgeStep")
    for up_to_s, sale_minor, person_minor in STEPS:
        AgeStep.objects.create(up_to_s=up_to_s, sale_minor=sale_minor, person_minor=person_minor)


class Migration(migrations.Migration):
    dependencies = [("benefits", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, ALLOW),
        migrations.RunSQL(ROOM_FOR_COUNTERS, "ALTER TABLE benefits_usagecounter RESET (fillfactor)"),
        migrations.RunPython(take_rights, migrations.RunPython.noop),
        migrations.RunPython(add_steps, migrations.RunPython.noop),
    ]
