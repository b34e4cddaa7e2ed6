"""Attributes are flat, text to text, few and short, whoever writes them."""

from django.db import migrations

HOLD = """
CREATE FUNCTION cardholders_within_bounds(attributes jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(attributes) <> 'object' THEN false ELSE (
        SELECT count(*) <= 20 AND coalesce(bool_and(
            key ~ '^[a-z0-9][a-z0-9_-]{0,31}$'
            AND jsonb_typeof(value) = 'string' AND length(value #>> '{}') BETWEEN 1 AND 64
        ), true) FROM jsonb_each(attributes)
    ) END
$$;
ALTER TABLE cardholders_cardholder ADD CONSTRAINT cardholders_cardholder_attributes_within_bounds
    CHECK (attributes = '{}'::jsonb OR cardholders_within_bounds(attributes));
"""

RELEASE = """
ALTER TABLE cardholders_cardholder DROP CONSTRAINT cardholders_cardholder_attributes_within_bounds;
DROP FUNCTION cardholders_within_bounds(jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("cardholders", "0002_attributes_and_lists")]

    operations = [migrations.RunSQL(HOLD, RELEASE)]
