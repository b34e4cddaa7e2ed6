"""One person, two phones, two terminals with no network: what can be spent beyond the purse, and who bears it."""

from __future__ import annotations

from collections.abc import Callable

from devices.core.declines import Why
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import balance_of
from ecard.settlement.models import ExceptionKind, SaleException
from tests.devices.conftest import Bench
from tests.devices.world import Phone
from tests.support.settling import Till, World

OFFLINE_LIMIT_MINOR = 60_00


def test_two_phones_at_two_dark_terminals_spend_the_offline_limit_at_each_and_no_more(
    make_bench: Callable[[], Bench],
) -> None:
    for bench in (make_bench(), make_bench()):
        bench.server.down = True
        spent_minor = 0
        for number in (0, 1):
            phone = Phone(1, number=number)
            for _sale in range(3):
                bench.clock.pass_ms(6_000)
                outcome = bench.pay(15_00, phone.show(bench.clock.now_s))
                spent_minor += 15_00 if outcome.approved else 0
        assert spent_minor == OFFLINE_LIMIT_MINOR
        assert outcome.result.why == Why.INSUFFICIENT


def test_what_was_spent_twice_offline_is_the_institutions_loss_told_and_never_a_debt(
    world: World, till: Till, other: Till
) -> None:
    for each in (till, other):
        each.sell(0, 60_00)
        each.upload()
    world.settle()
    assert world.purse(0) == 0
    assert balance_of(house_account(kind=AccountKind.OFFLINE_LOSS)) == -20_00
    assert balance_of(world.campus.merchant.account_id) == 120_00
    assert [each.kind for each in SaleException.objects.all()] == [ExceptionKind.PURSE_SHORT]
