"""Usage is counted for each meal period and scope of a business date; a key of several columns changes by SQL."""

from django.db import migrations, models

KEY = """
ALTER TABLE benefits_usagecounter DROP CONSTRAINT benefits_usagecounter_pkey;
ALTER TABLE benefits_usagecounter ADD PRIMARY KEY (account_ref, business_date, period, scope);
"""
# Back to whole days, of all sales: the narrower rows are added up.
OLD_KEY = """
CREATE TEMPORARY TABLE usage_of_days ON COMMIT DROP AS
    SELECT account_ref, business_date, sum(total_minor) AS total_minor, sum(purse_minor) AS purse_minor,
           sum(count) AS count, max(last_s) AS last_s
    FROM benefits_usagecounter WHERE scope = 0 GROUP BY account_ref, business_date;
DELETE FROM benefits_usagecounter;
ALTER TABLE benefits_usagecounter DROP CONSTRAINT benefits_usagecounter_pkey;
ALTER TABLE benefits_usagecounter ADD PRIMARY KEY (account_ref, business_date);
INSERT INTO benefits_usagecounter
    (account_ref, business_date, period, scope, total_minor, purse_minor, count, last_s)
    SELECT account_ref, business_date, 0, 0, total_minor, purse_minor, count, last_s FROM usage_of_days;
"""


class Migration(migrations.Migration):
    dependencies = [("benefits", "0003_usage_of_a_day")]

    operations = [
        migrations.AddField("usagecounter", "period", models.SmallIntegerField(default=0)),
        migrations.AddField("usagecounter", "scope", models.IntegerField(default=0)),
        migrations.AddField("usagecounter", "last_s", models.BigIntegerField(default=0)),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(KEY, OLD_KEY)],
            state_operations=[
                migrations.RemoveField("usagecounter", "pk"),
                migrations.AddField(
                    "usagecounter",
                    "pk",
                    models.CompositePrimaryKey(
                        "account_ref",
                        "business_date",
                        "period",
                        "scope",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
            ],
        ),
    ]
