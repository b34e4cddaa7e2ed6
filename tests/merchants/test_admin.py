"""Products and calendars as an administrator works with them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser

from ecard.merchants import operations, queries
from ecard.merchants.admin import products as product_pages
from ecard.merchants.models import (
    Allergen,
    CalendarDay,
    CalendarImport,
    Category,
    MealPeriod,
    Outlet,
    Placement,
    Product,
    Site,
)
from ecard.merchants.values import DayKind, NewDay, NewPlacement
from tests.merchants.test_calendars import CHINA_2026, OFF, SATURDAY, THURSDAY, workbook

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
IMPORT, YEAR = "admin:merchants_calendarday_bring_in", "admin:merchants_calendarday_year"


@pytest.fixture
def campus(db: None) -> Site:
    return operations.save_site(code="east", name="东校区", name_en="East campus", at=AT)


@pytest.fixture
def outlet(campus: Site) -> Outlet:
    merchant = operations.save_merchant(code="noodles", name="面馆")
    return operations.save_outlet(site=campus, merchant=merchant, code="n1", name="一号窗口", name_en="One", at=AT)


@pytest.fixture
def drinks(db: None) -> Category:
    return operations.save_category(code="drinks", name="饮料", name_en="Drinks", at=AT)


@pytest.fixture
def boss(db: None) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(User.objects.create_superuser("boss"))
    return client


def product_form(category: Category, *rows: dict[str, Any], kept: int = 0, **more: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "code": "cola",
        "name": "可乐",
        "name_en": "Cola",
        "category": category.pk,
        "price_minor": "3.50",
        "active": "on",
        "placements-TOTAL_FORMS": len(rows),
        "placements-INITIAL_FORMS": kept,
        **more,
    }
    for number, row in enumerate(rows):
        form |= {f"placements-{number}-{name}": value for name, value in {"place": 0, "colour": "", **row}.items()}
    return form


def errors_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_product_is_made_with_its_allergens_and_where_it_is_sold_in_one_form(
    boss: Client, outlet: Outlet, drinks: Category
) -> None:
    milk = Allergen.objects.get(code="milk")
    row = {"outlet": outlet.pk, "place": 3, "colour": "info", "price_minor": "4"}
    page = reverse("admin:merchants_product_add")
    assert boss.post(page, product_form(drinks, row, allergens=[milk.pk])).status_code == 302
    (sold,) = queries.catalogue_of(outlet.pk).products
    assert (sold.name.en, sold.price_minor, sold.allergens, sold.place, sold.colour) == (
        "Cola", 4_00, (milk.pk,), 3, "info"
    )  # fmt: skip
    assert LogEntry.objects.get().object_id == str(Product.objects.get().pk)


def test_a_product_is_changed_and_taken_away_from_an_outlet(boss: Client, outlet: Outlet, drinks: Category) -> None:
    product = operations.save_product(
        code="cola", name="可乐", category=drinks, price_minor=3_50, at=AT, placements=[NewPlacement(outlet.pk)]
    )
    placed = Placement.objects.get()
    page = reverse("admin:merchants_product_change", args=[product.pk])
    row = {"id": placed.pk, "product": product.pk, "outlet": outlet.pk, "DELETE": "on"}
    form = product_form(drinks, row, kept=1, price_minor="5")
    assert boss.post(page, form).status_code == 302
    assert (Product.objects.get().price_minor, Placement.objects.count()) == (5_00, 0)
    said = LogEntry.objects.get().get_change_message()
    assert "Price" in said
    assert "Deleted place of sale" in said


@pytest.mark.parametrize("price", ["0", "-1"])
def test_a_price_that_cannot_be_charged_is_said_at_its_field(
    boss: Client, outlet: Outlet, drinks: Category, price: str
) -> None:
    page = reverse("admin:merchants_product_add")
    assert "A price is more than 0" in errors_of(boss.post(page, product_form(drinks, price_minor=price)))
    row = {"outlet": outlet.pk, "price_minor": price}
    assert "A price is more than 0" in errors_of(boss.post(page, product_form(drinks, row)))
    assert not Product.objects.exists()


def test_an_outlet_that_is_full_is_named(
    boss: Client, outlet: Outlet, drinks: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_pages, "MAX_PRODUCTS", 1)
    operations.save_product(
        code="tea", name="茶", category=drinks, price_minor=2_00, at=AT, placements=[NewPlacement(outlet.pk)]
    )
    said = errors_of(boss.post(reverse("admin:merchants_product_add"), product_form(drinks, {"outlet": outlet.pk})))
    assert "One: terminals hold at most 1 products of an outlet" in said
    assert Product.objects.count() == 1


def test_products_are_found_by_category_and_outlet(boss: Client, outlet: Outlet, drinks: Category) -> None:
    other = operations.save_category(code="noodles", name="面食", at=AT)
    for code, category, placements in (("cola", drinks, [NewPlacement(outlet.pk)]), ("ramen", other, [])):
        operations.save_product(code=code, name=code, category=category, price_minor=9_50, at=AT, placements=placements)
    page = reverse("admin:merchants_product_changelist")
    for query in ({"category__id__exact": drinks.pk}, {"outlets__id__exact": outlet.pk}, {"q": "cola"}):
        found = [each.code for each in boss.get(page, query).context["cl"].result_list]
        assert found == ["cola"], query


def test_a_meal_is_served_on_the_days_that_are_ticked(boss: Client, campus: Site) -> None:
    form = {"site": campus.pk, "code": "l", "name": "午餐", "start_minute": "11:00", "end_minute": "13:00"}
    page = reverse("admin:merchants_mealperiod_add")
    assert boss.post(page, {**form, "weekdays": ["4", "0"]}).status_code == 302
    assert MealPeriod.objects.get().weekdays == [0, 4]
    assert "Another meal period" in errors_of(boss.post(page, {**form, "code": "m", "weekdays": ["4"]}))
    assert boss.post(page, {**form, "code": "m", "weekdays": ["5", "6", "7"]}).status_code == 302


def take_over(client: Client, shown: Any, **more: Any) -> Any:
    """Press the button below a preview."""
    form = shown.context["form"]
    asked = {name: form.data.get(name, "") for name in ("site", "text", "file_name", "seen")}
    return client.post(reverse(IMPORT), {**asked, "take_over": "1", **more})


@pytest.mark.parametrize("name", ["china-2026.csv", "china-2026.xlsx"])
def test_a_years_file_is_looked_at_taken_over_and_undone(boss: Client, campus: Site, name: str) -> None:
    data = CHINA_2026.read_bytes()
    if name.endswith("xlsx"):
        data = workbook(*(tuple(line.split(",")) for line in data.decode().splitlines()))
    shown = boss.post(reverse(IMPORT), {"site": campus.pk, "upload": SimpleUploadedFile(name, data), "text": ""})
    assert "39 days would change" in shown.content.decode()
    assert not CalendarDay.objects.exists()
    done = take_over(boss, shown)
    assert done.status_code == 302
    made = CalendarImport.objects.get()
    assert (CalendarDay.objects.count(), made.source, len(made.days)) == (39, name, 39)
    year = boss.get(done["Location"]).content.decode()
    assert "1 Oct 2026, Thursday – 7 Oct 2026, Wednesday: holiday (National Day)" in year
    assert reverse("admin:merchants_calendarimport_change", args=[made.pk]) in year
    boss.post(reverse("admin:merchants_calendarimport_undo", args=[made.pk]), {"_form_submitted": "on"})
    made.refresh_from_db()
    assert made.undone_at is not None
    assert not CalendarDay.objects.exists()


def test_a_wrong_row_is_named_and_everything_typed_stays(boss: Client, campus: Site) -> None:
    text = "2026-10-01,休\nsoon,休\n2026-10-10,perhaps"
    shown = boss.post(reverse(IMPORT), {"site": campus.pk, "text": text, "take_over": "1"})
    said = shown.content.decode()
    assert "Row 2: “soon” is no date." in said
    assert "Row 3: “perhaps” is no kind of day." in said
    assert shown.context["form"]["text"].value() == text
    assert take_over(boss, shown).status_code == 200
    assert not CalendarDay.objects.exists()


def test_only_what_was_shown_is_taken_over(boss: Client, campus: Site) -> None:
    shown = boss.post(reverse(IMPORT), {"site": campus.pk, "text": "2026-10-01,休,国庆节"})
    changed_text = take_over(boss, shown, text="2026-10-02,休,国庆节")
    operations.save_day(site=campus, day=THURSDAY, kind=DayKind(6, "somebody else"))
    changed_calendar = take_over(boss, shown)
    for answer in (changed_text, changed_calendar):
        assert "Look at the preview again" in answer.content.decode()
    assert queries.kinds_on(campus, [THURSDAY, date(2026, 10, 2)]) == {THURSDAY: DayKind(6, "somebody else")}
    assert take_over(boss, changed_calendar).status_code == 302
    assert queries.kinds_on(campus, [THURSDAY]) == {THURSDAY: OFF}


def test_an_import_whose_days_changed_says_which_and_undoes_nothing(boss: Client, campus: Site) -> None:
    days = [NewDay(THURSDAY, OFF), NewDay(SATURDAY, DayKind(4))]
    made = operations.import_days(site=campus, days=days, source="", by=None, at=AT)
    assert made is not None
    operations.remove_day(site=campus, day=SATURDAY)
    boss.post(reverse("admin:merchants_calendarimport_undo", args=[made.pk]), {"_form_submitted": "on"})
    page = boss.get(reverse("admin:merchants_calendarimport_change", args=[made.pk])).content.decode()
    assert "Nothing was undone" in page
    assert "10 Oct" in page
    assert CalendarDay.objects.get().date == THURSDAY


@pytest.mark.parametrize(
    ("upload", "said"),
    [(b"PK\x03\x04nothing", "not an Excel file"), (b"x" * 2_000_000, "at most 1 MB"), (b"", "nothing to read")],
)
def test_a_file_that_is_no_calendar_is_refused_in_words(boss: Client, campus: Site, upload: bytes, said: str) -> None:
    form = {"site": campus.pk, "upload": SimpleUploadedFile("x.csv", upload), "text": ""}
    assert said in errors_of(boss.post(reverse(IMPORT), form))


def test_a_day_is_added_from_the_year_and_leads_back_to_it(boss: Client, campus: Site) -> None:
    page = reverse("admin:merchants_calendarday_add")
    opened = boss.get(page, {"site": str(campus.pk), "date": "2026-10-01"}).content.decode()
    assert 'value="2026-10-01"' in opened
    form = {"site": campus.pk, "date": "2026-10-01", "acts_as": "7", "name": "国庆节", "name_en": ""}
    answer = boss.post(page, form)
    assert answer["Location"] == f"{reverse(YEAR)}?site={campus.pk}&year=2026"
    day = CalendarDay.objects.get()
    boss.post(reverse("admin:merchants_calendarday_delete", args=[day.pk]), {"post": "yes"})
    assert not CalendarDay.objects.exists()


@pytest.mark.parametrize("query", [{}, {"site": "x", "year": "y"}, {"year": "99999"}, {"site": "0", "year": "2026"}])
def test_a_year_asked_wrongly_is_one_that_can_be_shown(boss: Client, campus: Site, query: dict[str, str]) -> None:
    assert boss.get(reverse(YEAR), query).status_code == 200


def test_without_a_site_there_is_no_calendar(boss: Client, db: None) -> None:
    assert boss.get(reverse(YEAR))["Location"] == reverse("admin:merchants_site_changelist")


def test_whoever_may_only_look_at_the_calendar_has_no_way_to_change_it(campus: Site) -> None:
    operations.save_day(site=campus, day=THURSDAY, kind=OFF)
    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(looker)
    page = client.get(reverse(YEAR), {"year": 2026})
    assert page.status_code == 200
    assert 'class="day holiday"' in page.content.decode()
    assert reverse("admin:merchants_calendarday_add") not in page.content.decode()
    assert client.get(reverse(IMPORT)).status_code == 403


def test_the_days_of_a_year_are_walked_with_the_arrow_keys(site: str, browser: Browser) -> None:
    campus = operations.save_site(code="east", name="东校区", name_en="East campus", at=AT)
    operations.save_day(site=campus, day=THURSDAY, kind=OFF)
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    context = browser.new_context(locale="en-US")
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    page = context.new_page()
    page.goto(f"{site}{reverse(YEAR)}?year=2025")
    assert page.locator("[data-days] a.day[tabindex='0']").count() == 1
    page.locator("[data-days] a.day[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert page.locator(":focus").get_attribute("aria-label") == "2 Jan 2025, Thursday"
    page.goto(f"{site}{reverse(YEAR)}?year=2026")
    page.get_by_role("link", name="1 Oct 2026, Thursday, holiday (国庆节)").press("Enter")
    page.wait_for_url(f"**{reverse('admin:merchants_calendarday_change', args=[CalendarDay.objects.get().pk])}")
    context.close()
