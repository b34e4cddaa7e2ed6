"""Who bears a benefit that was issued, drafted or published is never changed: another sponsor takes another rule."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION benefits_programme_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM benefits_grant WHERE programme_id = OLD.id) THEN
        RAISE EXCEPTION 'the sponsor of % % stays', TG_TABLE_NAME, OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION benefits_entitlement_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named jsonb := jsonb_build_array(jsonb_build_object('id', OLD.id));
BEGIN
    IF EXISTS (SELECT 1 FROM benefits_policydraft WHERE convert_from(body, 'UTF8')::jsonb -> 'entitlements' @> named)
    OR EXISTS (SELECT 1 FROM benefits_publishedpolicy WHERE convert_from(body, 'UTF8')::jsonb -> 'entitlements' @> named)
    THEN
        RAISE EXCEPTION 'the sponsor of % % stays', TG_TABLE_NAME, OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
TRIGGERS = """
CREATE TRIGGER benefits_programme_stays BEFORE UPDATE OF sponsor_id, kind ON benefits_programme FOR EACH ROW
WHEN (OLD.sponsor_id <> NEW.sponsor_id OR OLD.kind <> NEW.kind) EXECUTE FUNCTION benefits_programme_stays();
CREATE TRIGGER benefits_entitlement_stays BEFORE UPDATE OF sponsor_id ON benefits_entitlement FOR EACH ROW
WHEN (OLD.sponsor_id <> NEW.sponsor_id) EXECUTE FUNCTION benefits_entitlement_stays();
"""
BACK = """
DROP TRIGGER benefits_entitlement_stays ON benefits_entitlement;
DROP TRIGGER benefits_programme_stays ON benefits_programme;
DROP FUNCTION benefits_entitlement_stays();
DROP FUNCTION benefits_programme_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("benefits", "0010_lighter_grants")]

    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, BACK)]
