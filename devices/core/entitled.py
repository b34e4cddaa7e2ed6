"""Which meals a person may have by identity alone."""

from typing import NamedTuple

from devices.core.cover import Prices
from devices.core.limits import Usage
from devices.core.policy import Entitlement
from devices.core.quote import Person, Reason
from devices.core.rulebook import Here


class Entitled(NamedTuple):
    """An entitlement that could be used: what of the price it covers, and how many are left in its window then."""

    rule: Entitlement
    mask: int
    covered_minor: int
    left_count: int

    def told(self, total_minor: int) -> Reason:
        """The step in which it is used."""
        part = self.covered_minor < total_minor
        params = {"entitlement": self.rule.id, "amount_minor": self.rule.agreed_minor, "left_count": self.left_count}
        covers = {"covers_minor": self.covered_minor}
        return Reason("entitlement.part" if part else "entitlement.used", params | covers)


def offered(here: Here, person: Person, usage: Usage, prices: Prices, reasons: list[Reason]) -> list[Entitled]:
    """Those worth trying: of such as are for the same products only the one that covers most.

    One that covers as much of other products may still be the better one, where it leaves so little to an
    all-or-nothing subsidy that this can pay the whole.

    A snapshot that does not know the person gives none: whether they are used up is not known.
    """
    if person.purse_only:
        return []
    found: list[Entitled] = []
    for rule in here.entitlements:
        mask = prices.mask(rule.where.categories)
        room_minor = prices.cost(mask)
        if prices.amounts and not room_minor:
            continue
        left_count = rule.count - usage.spent(rule.window, -rule.id)[2]
        if left_count <= 0:
            reasons.append(Reason("entitlement.used_up", {"entitlement": rule.id, "max_count": rule.count}))
            continue
        covered_minor = min(room_minor, rule.covers_minor or room_minor)
        found.append(Entitled(rule, mask, covered_minor, left_count - 1))
    found.sort(key=lambda each: -each.covered_minor)
    best: dict[int, Entitled] = {}
    for each in found:
        best.setdefault(each.mask, each)
    return list(best.values())
