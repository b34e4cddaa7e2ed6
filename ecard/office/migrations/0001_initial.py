from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField(verbose_name="began at")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                (
                    "part",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "sum of all balances"),
                            (2, "balances against their transfers"),
                            (3, "accounts that transfers name"),
                            (4, "what sales name"),
                            (5, "sales against their transfers"),
                            (9, "finished"),
                        ],
                        default=1,
                        verbose_name="now at",
                    ),
                ),
                ("after", models.BigIntegerField(default=0, editable=False)),
                ("accounts", models.BigIntegerField(default=0, verbose_name="accounts")),
                ("transfers", models.BigIntegerField(default=0, verbose_name="transfers")),
                ("sales", models.BigIntegerField(default=0, verbose_name="sales")),
                ("streams", models.BigIntegerField(default=0, verbose_name="streams")),
                ("faults", models.BigIntegerField(default=0, verbose_name="faults")),
                ("findings", models.JSONField(default=list, editable=False, verbose_name="findings")),
            ],
            options={
                "verbose_name": "audit",
                "verbose_name_plural": "audits",
                "ordering": ("-id",),
                "permissions": (("begin_audit", "Can begin an audit"),),
                "constraints": [
                    models.UniqueConstraint(
                        models.Value(1),
                        condition=models.Q(("finished_at__isnull", True)),
                        name="office_auditrun_one_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", False), ("part", 9)),
                            models.Q(("finished_at__isnull", True), models.Q(("part", 9), _negated=True)),
                            _connector="OR",
                        ),
                        name="office_auditrun_finished_when_done",
                    ),
                ],
            },
        ),
    ]
