"""A run that is being paid out holds its programme's sponsor before the first grant is written."""

from django.db import migrations

NOW = """
CREATE OR REPLACE FUNCTION benefits_programme_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM benefits_grant WHERE programme_id = OLD.id)
    OR EXISTS (SELECT 1 FROM benefits_run WHERE programme_id = OLD.id AND state = 'posting')
    THEN
        RAISE EXCEPTION 'the sponsor of % % stays', TG_TABLE_NAME, OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION benefits_programme_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM benefits_grant WHERE programme_id = OLD.id) THEN
        RAISE EXCEPTION 'the sponsor of % % stays', TG_TABLE_NAME, OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("benefits", "0012_scheduled_means_an_amount")]

    operations = [migrations.RunSQL(NOW, BEFORE)]
