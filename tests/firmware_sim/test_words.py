"""What the two sides of a counter are told while there is nothing to pay: each what is theirs to do."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.devices import world
from tests.devices.conftest import make_bench
from tests.firmware_sim.test_page import Till, till

__all__ = ["make_bench", "till"]


def test_the_cardholder_is_not_told_to_do_what_is_the_cashiers_to_do(till: Till) -> None:
    cashier, customer = till.open(), till.open("/customer")
    expect(cashier.locator("#words")).to_have_text("Choose products")
    expect(customer.locator("#words")).to_have_text("One moment, please")
    expect(customer.locator("#sum")).to_be_hidden()
    till.bench.control.add(world.RICE)
    expect(customer.locator("#words")).to_have_text("List total. Please show your code")
    expect(customer.locator("#sum")).to_have_text("¥1.00")
