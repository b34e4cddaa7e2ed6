"""An installation begins with a generation of its own."""

import secrets

from django.db import migrations
from django.utils import timezone


def begin(apps, schema_editor):
    generation = apps.get_model("changes", "Generation")
    generation.objects.get_or_create(
        pk=1, defaults={"generation_id": secrets.randbelow(2**63 - 1) + 1, "began_at": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [("changes", "0001_initial")]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
