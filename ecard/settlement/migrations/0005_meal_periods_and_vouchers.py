"""A sale keeps its meal period and what it counted for; closed accounts are told apart for sales and reversals."""

from django.db import migrations, models

# Before, one kind stood for both: kind 5 on a reversal's record becomes 18.
TELL_APART = """
UPDATE settlement_saleexception AS told SET kind = 18 FROM settlement_salereversal AS undone
WHERE told.kind = 5 AND undone.id = told.record_id
"""
TOGETHER = "UPDATE settlement_saleexception SET kind = 5 WHERE kind = 18"


class Migration(migrations.Migration):
    dependencies = [
        ("settlement", "0004_limits_and_newest_reversals"),
    ]

    operations = [
        migrations.AddField(
            model_name="sale",
            name="period",
            field=models.SmallIntegerField(default=0, verbose_name="meal period"),
        ),
        migrations.AddField(
            model_name="sale",
            name="counted",
            field=models.BinaryField(default=b""),
        ),
        migrations.AlterField(
            model_name="saleexception",
            name="kind",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (1, "purse could not pay"),
                    (2, "benefit not known"),
                    (3, "benefit expired"),
                    (4, "benefit could not pay"),
                    (5, "account closed"),
                    (6, "account not known"),
                    (7, "code does not hold"),
                    (8, "code taken twice"),
                    (9, "record cannot be read"),
                    (10, "record contradicts itself"),
                    (11, "reversal of nothing"),
                    (12, "reversed twice"),
                    (13, "journal forked"),
                    (14, "journal began anew"),
                    (15, "price not reproduced"),
                    (16, "outlet not known"),
                    (17, "over a limit"),
                    (18, "account closed before a reversal"),
                    (19, "voucher taken twice"),
                    (20, "voucher somebody else's"),
                    (21, "benefit returned before"),
                    (22, "free meal not known"),
                    (23, "free meal taken too often"),
                    (24, "over a guardian's limit"),
                ],
                verbose_name="kind",
            ),
        ),
        migrations.RunSQL(TELL_APART, TOGETHER),
    ]
