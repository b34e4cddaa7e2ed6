from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("terminals", "0002_modes_products_and_identity")]

    operations = [
        migrations.AddField(
            model_name="terminal",
            name="policy_number",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="policy it decides by"),
        ),
        migrations.AddField(
            model_name="terminal",
            name="newer_policy",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="policy it cannot read"),
        ),
    ]
