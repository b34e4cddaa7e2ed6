"""Products and programmes from files: what they name must exist, and undoing leaves what sales may name."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from devices.core.catalogue import MAX_PRODUCTS
from ecard.benefits.models import Ends, Programme, ProgrammeKind, Schedule, Sponsor
from ecard.benefits.operations import open_sponsor
from ecard.imports.errors import CannotApply, MovedOn
from ecard.imports.models import ImportBatch
from ecard.merchants.models import Placement, Product
from ecard.merchants.operations import save_allergen, save_category, save_product
from ecard.merchants.values import NewPlacement
from tests.imports.conftest import ReadFile
from tests.imports.test_imports import apply, counts, said, undo
from tests.support.campus import NOON, Campus

PRODUCTS = ("code", "name", "category", "price", "allergens", "outlets")


@pytest.fixture
def noodles(campus: Campus) -> Product:
    """Sold at one outlet at a price of its own."""
    save_allergen(code="gluten", name="麸质", at=NOON)
    save_allergen(code="egg", name="蛋", at=NOON)
    return save_product(
        code="noodles",
        name="面",
        category=save_category(code="meals", name="主食", at=NOON),
        price_minor=12_00,
        placements=[NewPlacement(campus.outlet.pk, 3, "brand", 11_00)],
        at=NOON,
    )


def test_products_are_changed_where_they_are_sold_and_keep_their_buttons(
    campus: Campus, noodles: Product, read_file: ReadFile, clerk: User
) -> None:
    batch = read_file(
        "products",
        PRODUCTS,
        ("noodles", "牛肉面", "meals", "￥13.50", "gluten，egg", "main/n1,main/n2"),
        ("tea", "茶", "drinks", "3", "", ""),
        ("rice", "米饭", "meals", "0", "dust", "main/n9"),
        ("soup", "汤", "meals", "2.5", "", "main/n1"),
    )
    assert counts(batch) == (1, 1, 0, 2)
    assert said(batch) == {
        3: ["category “drinks” does not exist."],
        4: [
            "price is from 0.01 to 100000.00 in steps of 0.01, not 0.",
            "allergens “dust” does not exist.",
            "outlets “main/n9” does not exist.",
        ],
    }
    apply(batch, clerk, only_good=True)
    noodles.refresh_from_db()
    assert (noodles.name, noodles.price_minor, noodles.allergens.count()) == ("牛肉面", 13_50, 2)
    kept = Placement.objects.get(product=noodles, outlet=campus.outlet)
    assert (kept.place, kept.colour, kept.price_minor) == (3, "brand", 11_00)
    undone = undo(batch, clerk)
    noodles.refresh_from_db()
    assert (noodles.name, noodles.placements.count()) == ("面", 1)
    assert said(undone)[5] == ["It is no longer sold, and stays: sales may name it."]
    assert not Product.objects.get(code="soup").active


def test_more_products_than_terminals_hold_are_refused_and_nothing_is_written(
    campus: Campus, noodles: Product, read_file: ReadFile, clerk: User
) -> None:
    rows = [(f"p{number}", "菜", "meals", "1", "", "main/n2") for number in range(MAX_PRODUCTS + 1)]
    batch = read_file("products", PRODUCTS, *rows)
    with pytest.raises(CannotApply) as refused:
        apply(batch, clerk)
    assert refused.value.args[0] == {"kind": "catalogue full", "value": "main/n2"}
    assert not Product.objects.filter(code="p0").exists()


HEADER = ("name", "kind", "sponsor", "amount", "groups", "issued", "day", "ends", "goes_over", "meals", "weekdays")


@pytest.fixture
def monthly(campus: Campus, read_file: ReadFile) -> ImportBatch:
    open_sponsor(name="校方")
    return read_file(
        "programmes",
        HEADER,
        ("月补", "subsidy", "校方", "300", "students", "monthly", "1", "rollover", "100", "main/lunch", "1,2,3,4,5"),
        ("券", "voucher", "校方", "", "", "monthly", "1", "period", "", "", ""),
        ("坏", "gift", "家长", "1", "nobody", "daily", "0", "never", "", "main/x", "9"),
    )


def test_a_programme_comes_from_a_row(campus: Campus, monthly: ImportBatch, read_file: ReadFile, clerk: User) -> None:
    assert counts(monthly) == (1, 0, 0, 2)
    assert said(monthly)[3] == [
        "What is left needs its days, its date or its cap; what is issued by itself needs an amount."
    ]
    assert len(said(monthly)[4]) == 8
    apply(monthly, clerk, only_good=True)
    made = Programme.objects.get(name="月补")
    assert (made.kind, made.schedule, made.ends) == (ProgrammeKind.SUBSIDY, Schedule.MONTHLY, Ends.ROLLOVER)
    assert (made.amount_minor, made.rollover_cap_minor, made.weekdays) == (300_00, 100_00, [0, 1, 2, 3, 4])
    assert list(made.for_groups.all()) == [campus.group]
    assert list(made.periods.all()) == [campus.lunch]
    assert made.sponsor.name == "校方"
    again = read_file("programmes", ("name", "amount"), ("月补", "350"))
    apply(again, clerk)
    made.refresh_from_db()
    assert (made.amount_minor, made.for_groups.count()) == (350_00, 1)
    undo(again, clerk)
    assert said(undo(monthly, clerk))[2] == ["It is out of use, and stays: policies may name it."]
    made.refresh_from_db()
    assert (made.amount_minor, made.active) == (300_00, False)


def test_of_programmes_with_one_name_none_is_changed_by_a_file(
    campus: Campus, monthly: ImportBatch, read_file: ReadFile, clerk: User
) -> None:
    apply(monthly, clerk, only_good=True)
    Programme.objects.create(name="月补", sponsor=open_sponsor(name="公司"))
    batch = read_file("programmes", ("name", "amount"), ("月补", "1"))
    assert said(batch) == {2: ["Several have this name: change it on its own page."]}


def test_a_share_of_half_a_percent_is_not_lost_when_another_cell_changes(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    half = Programme.objects.create(
        name="折", kind=ProgrammeKind.VOUCHER, sponsor=open_sponsor(name="校方"), percent_bp=12_50
    )
    apply(read_file("programmes", ("name", "order"), ("折", "7")), clerk)
    half.refresh_from_db()
    assert (half.order, half.percent_bp) == (7, 12_50)
    apply(read_file("programmes", ("name", "percent"), ("折", "33.3%")), clerk)
    half.refresh_from_db()
    assert half.percent_bp == 33_30
    wrong = read_file("programmes", ("name", "percent"), ("折", "12.345"), ("折2", "101"), ("折3", "-1"))
    assert len(said(wrong)) == 3
    assert said(wrong)[3] == ["share of the price, % is from 0 to 100 with two decimals at most, not “101”."]


def test_of_sponsors_with_one_name_a_file_chooses_none(campus: Campus, read_file: ReadFile) -> None:
    open_sponsor(name="校方")
    open_sponsor(name="校方")
    batch = read_file("programmes", ("name", "sponsor"), ("早餐", "校方"))
    assert said(batch) == {2: ["Several have this name: change it on its own page."]}


def test_a_sponsor_renamed_since_the_preview_is_told_before_anything_is_imported(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    sponsor = open_sponsor(name="校方")
    batch = read_file("programmes", ("name", "sponsor"), ("早餐", "校方"))
    Sponsor.objects.filter(pk=sponsor.pk).update(name="后勤")
    with pytest.raises(MovedOn):
        apply(batch, clerk)
    batch.refresh_from_db()
    assert said(batch) == {2: ["sponsor “校方” does not exist."]}
    assert not Programme.objects.exists()


def test_what_an_undone_import_cannot_find_any_more_stays_and_is_listed(
    campus: Campus, read_file: ReadFile, clerk: User
) -> None:
    first, second = open_sponsor(name="校方"), open_sponsor(name="后勤")
    made = Programme.objects.create(name="早餐", sponsor=first)
    batch = read_file("programmes", ("name", "sponsor", "order"), ("早餐", "后勤", "3"))
    apply(batch, clerk)
    Sponsor.objects.filter(pk=first.pk).update(name="学校")
    assert said(undo(batch, clerk)) == {2: ["sponsor “校方” does not exist."]}
    made.refresh_from_db()
    assert (made.sponsor, made.order) == (second, 0)
