"""What the books say, for tests."""

from __future__ import annotations

from ecard.ledger.models import AccountKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import balance_of, replay_check, sum_of_balances
from ecard.settlement.models import ExceptionKind, Sale, SaleException
from tests.support.settling import World


def told() -> list[ExceptionKind]:
    """What finance was told, oldest first."""
    return [ExceptionKind(kind) for kind in SaleException.objects.order_by("id").values_list("kind", flat=True)]


def loss() -> int:
    """What the house has lost."""
    return -balance_of(house_account(kind=AccountKind.OFFLINE_LOSS))


def suspense() -> int:
    """What waits for a person."""
    return -balance_of(house_account(kind=AccountKind.SUSPENSE))


def sponsored(world: World) -> int:
    """What the sponsor has given, grants included."""
    return -balance_of(world.programme.sponsor_id)


def received(world: World) -> int:
    """What the merchant has."""
    return balance_of(world.campus.merchant.account_id)


def parts(sale: Sale) -> tuple[int, int, int, int, int]:
    """From the purse, from grants, from sponsors, offline loss, in suspense."""
    return sale.purse_minor, sale.grant_minor, sale.sponsor_minor, sale.loss_minor, sale.suspense_minor


def assert_books_balance() -> None:
    """Every balance is what its transfers give, and all of them together nothing."""
    assert sum_of_balances() == 0
    report = replay_check()
    assert report.differences == ()
    assert report.next_after is None
