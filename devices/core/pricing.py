"""What a basket costs this person here: the price rules, line by line."""

from devices.core.money import scale_bp
from devices.core.policy import PriceRule
from devices.core.quote import Line, Reason


def price(
    rules: tuple[PriceRule, ...], basket: tuple[Line, ...], list_minor: int, reasons: list[Reason]
) -> dict[int, int]:
    """The price by product category, in the order the categories are met. `rules` come the most specific first.

    Lines under one rule are priced together: their sum is scaled, the rule's amount added once, the result rounded.
    """
    if not rules:
        return _by_category(basket)
    if not any(rule.where.categories for rule in rules):
        return _shared(_apply(rules[0], list_minor, reasons), _by_category(basket))
    shares: dict[PriceRule | None, dict[int, int]] = {}
    by_id: dict[int, PriceRule | None] = {}
    for line in basket:
        rule = next(
            (each for each in rules if not each.where.categories or line.category in each.where.categories), None
        )
        rule = by_id.setdefault(rule.id if rule is not None else 0, rule)
        of_rule = shares.setdefault(rule, {})
        of_rule[line.category] = of_rule.get(line.category, 0) + line.unit_minor * line.quantity
    priced: dict[int, int] = {}
    for rule, lists in shares.items():
        amounts = lists if rule is None else _shared(_apply(rule, sum(lists.values()), reasons), lists)
        for category, amount_minor in amounts.items():
            priced[category] = priced.get(category, 0) + amount_minor
    return priced


def apply_rule(rule: PriceRule, list_minor: int) -> int:
    """The price under one rule."""
    amount_minor = max(0, scale_bp(list_minor, rule.percent_bp) + rule.add_minor)
    step_minor = rule.round_to_minor
    if step_minor > 1:
        up_minor = {"half_up": step_minor // 2, "up": step_minor - 1, "down": 0}[rule.rounding]
        amount_minor = (amount_minor + up_minor) // step_minor * step_minor
    return amount_minor


def _apply(rule: PriceRule, list_minor: int, reasons: list[Reason]) -> int:
    amount_minor = apply_rule(rule, list_minor)
    reasons.append(Reason("price.rule", {"price": rule.id, "amount_minor": amount_minor}))
    return amount_minor


def _by_category(basket: tuple[Line, ...]) -> dict[int, int]:
    lists: dict[int, int] = {}
    for line in basket:
        lists[line.category] = lists.get(line.category, 0) + line.unit_minor * line.quantity
    return lists


def _shared(amount_minor: int, lists: dict[int, int]) -> dict[int, int]:
    """`amount_minor` in the proportion of `lists`, to the last minor unit."""
    if len(lists) <= 1:
        return dict.fromkeys(lists or (0,), amount_minor)
    list_minor, so_far, given = sum(lists.values()), 0, 0
    shared: dict[int, int] = {}
    for category, part_minor in lists.items():
        so_far += part_minor
        upto = amount_minor * so_far // list_minor if list_minor else amount_minor
        shared[category], given = upto - given, upto
    return shared
