"""A login whose limit to a site is lifted may see approvals from then on: that counts as being let approve."""

from django.db import migrations

NOTE = """
CREATE FUNCTION office_note_lifted_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM approvals_note_login(OLD.user_id, 'rights');
    RETURN NULL;
END $$;
CREATE TRIGGER office_note_lifted_limit AFTER DELETE ON office_siteright
    FOR EACH ROW EXECUTE FUNCTION office_note_lifted_limit();
"""

FORGET = """
DROP TRIGGER office_note_lifted_limit ON office_siteright;
DROP FUNCTION office_note_lifted_limit();
"""


class Migration(migrations.Migration):
    dependencies = [("office", "0002_site_rights"), ("approvals", "0003_logins_in_one_hand")]

    operations = [migrations.RunSQL(NOTE, FORGET)]
