"""Vouchers given away so far say where they came from; until now only the key of their period did."""

from django.db import migrations

# "2026-11~17" was given on from grant 17; whoever had it from a third hand is led to the first.
ORIGINS = r"""
WITH RECURSIVE hand AS (
    SELECT given.id, earlier.id AS before
    FROM benefits_grant AS given JOIN benefits_grant AS earlier
        ON earlier.id = substring(given.period_key FROM '~(\d{1,18})$')::bigint
        AND earlier.programme_id = given.programme_id AND earlier.id < given.id
    WHERE given.run_id IS NULL AND given.origin_id IS NULL AND given.period_key ~ '~\d{1,18}$'
), chain AS (
    SELECT id, before FROM hand
    UNION ALL
    SELECT chain.id, hand.before FROM chain JOIN hand ON hand.id = chain.before
)
UPDATE benefits_grant SET origin_id = chain.before
FROM chain
WHERE benefits_grant.id = chain.id AND NOT EXISTS (SELECT FROM hand WHERE hand.id = chain.before)
"""


class Migration(migrations.Migration):
    dependencies = [("benefits", "0014_where_a_voucher_came_from")]

    operations = [migrations.RunSQL(ORIGINS, migrations.RunSQL.noop)]
