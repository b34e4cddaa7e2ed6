"""Sentences say “contains gluten”: a name that begins with “contains” says it twice in Chinese."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BEFORE, AFTER = "含麸质谷物", "麸质"


def _rename(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Only where the institution has kept the name."""
    apps.get_model("merchants", "Allergen").objects.filter(code="gluten", name=BEFORE).update(name=AFTER)


class Migration(migrations.Migration):
    dependencies = [("merchants", "0003_allergens")]

    operations = [migrations.RunPython(_rename, migrations.RunPython.noop)]
