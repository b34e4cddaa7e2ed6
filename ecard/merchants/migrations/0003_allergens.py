"""The fourteen allergens that Annex II of Regulation (EU) No 1169/2011 lists; an institution may add to them."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_ALLERGENS = (
    ("gluten", "含麸质谷物", "Gluten"),
    ("crustaceans", "甲壳类", "Crustaceans"),
    ("eggs", "蛋类", "Eggs"),
    ("fish", "鱼类", "Fish"),
    ("peanuts", "花生", "Peanuts"),
    ("soya", "大豆", "Soya"),
    ("milk", "乳制品", "Milk"),
    ("nuts", "坚果", "Nuts"),
    ("celery", "芹菜", "Celery"),
    ("mustard", "芥末", "Mustard"),
    ("sesame", "芝麻", "Sesame"),
    ("sulphites", "二氧化硫及亚硫酸盐", "Sulphur dioxide and sulphites"),
    ("lupin", "羽扇豆", "Lupin"),
    ("molluscs", "软体动物", "Molluscs"),
)


def _add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    allergen = apps.get_model("merchants", "Allergen")
    for code, name, name_en in _ALLERGENS:
        allergen.objects.get_or_create(code=code, defaults={"name": name, "name_en": name_en})


class Migration(migrations.Migration):
    dependencies = [("merchants", "0002_products_and_calendars")]

    operations = [migrations.RunPython(_add, migrations.RunPython.noop)]
