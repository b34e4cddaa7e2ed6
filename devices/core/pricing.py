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
        priced = _by_category(basket)
    elif not any(rule.where.categories for rule in rules):
        priced = _shared(_apply(rules[0], list_minor, reasons), _by_category(basket))
    else:
        priced = _by_rules(rules, basket, reasons)
    return priced if len(priced) < 2 or min(priced.values()) >= 0 else _without_negatives(priced)


def _by_rules(rules: tuple[PriceRule, ...], basket: tuple[Line, ...], reasons: list[Reason]) -> dict[int, int]:
    lists: dict[int, dict[int, int]] = {}
    for line in basket:
        at = 0
        for rule in rules:
            if not rule.where.categories or line.category in rule.where.categories:
                break
            at += 1
        of_rule = lists.setdefault(at, {})
        of_rule[line.category] = of_rule.get(line.category, 0) + line.unit_minor * line.quantity
    priced: dict[int, int] = {}
    for at, amounts in lists.items():
        if at < len(rules):
            amounts = _shared(_apply(rules[at], sum(amounts.values()), reasons), amounts)
        for category, amount_minor in amounts.items():
            priced[category] = priced.get(category, 0) + amount_minor
    return priced


def _without_negatives(priced: dict[int, int]) -> dict[int, int]:
    """The same sum where a category below zero lowers the others, in the order they are met."""
    owed_minor = -sum(amount_minor for amount_minor in priced.values() if amount_minor < 0)
    found: dict[int, int] = {}
    for category, amount_minor in priced.items():
        off_minor = min(owed_minor, max(0, amount_minor))
        owed_minor -= off_minor
        found[category] = max(0, amount_minor) - off_minor
    if owed_minor:
        found[next(iter(found))] -= owed_minor
    return found


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
