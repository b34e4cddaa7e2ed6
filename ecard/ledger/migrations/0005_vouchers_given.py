from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0004_kinds_of_runs_and_vouchers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="transfer",
            name="kind",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (1, "sale from the purse"),
                    (2, "sale from a grant"),
                    (3, "top-up"),
                    (4, "grant issued"),
                    (5, "grant expired"),
                    (6, "reversal"),
                    (7, "refund"),
                    (8, "correction"),
                    (9, "offline loss"),
                    (10, "hold captured"),
                    (11, "sale paid by the sponsor"),
                    (12, "sale in suspense"),
                    (13, "payout to a merchant"),
                    (14, "credit"),
                    (15, "taken back with its run"),
                    (16, "gone over to the next period"),
                    (17, "sale from a voucher"),
                    (18, "rest of a voucher returned"),
                    (19, "rest of a voucher restored"),
                    (20, "free meal paid by the sponsor"),
                    (21, "voucher given to somebody else"),
                ],
                verbose_name="kind",
            ),
        ),
    ]
