"""Self-service weighing: what lies on the scale is priced by the kilogram, and a tap pays for it.

The price is grams x price per kilogram / 1000, rounded half up to the smallest unit of money. Only a stable weight is
priced. One tray is one sale: before the next one the scale must have been empty, so that a phone held up twice does
not pay the same meal twice. After a reversal, too, the tray is lifted once.
"""

import threading

from devices.core.journal import Facts
from devices.core.money import MAX_AMOUNT_MINOR
from devices.drivers.scale import Overload, Scale, ScaleError, Weight
from devices.kinds.base import NotYet
from devices.master.screen import Controls, Outcome, Said

LEAST_GRAMS = 5
"""Less is an empty scale: a napkin, a draught."""

NO_PRICE = Said("本机尚未设置单价，请联系管理员", "This scale has no price yet. Please call the administrator")
PUT_IT = Said("请把餐盘放到秤上", "Put your tray on the scale")
HOLD_STILL = Said("请稍候，等重量稳定", "One moment, until the weight is steady")
LIFT_IT = Said("这一份已付款，请取走餐盘再放下一份", "This tray is paid for. Take it off before the next one")
NO_SCALE = Said("电子秤没有响应，请找工作人员", "The scale does not answer. Please ask the staff")
TOO_HEAVY = Said("太重了，请分两次称", "Too much for one sale. Weigh it in two")
OVERLOAD = Said("秤上太重，请取下一些", "There is too much on the scale. Take something off")


def price_minor(grams: int, *, per_kg_minor: int) -> int:
    """Rounded half up."""
    return (max(0, grams) * per_kg_minor + 500) // 1000


class Weighing:
    """A `Kind`. `device.between(weighing.look)`, several times a second from a thread: the screen follows the scale."""

    def __init__(self, scale: Scale, *, tare_grams: int = 0) -> None:
        self._scale = scale
        self._lock = threading.Lock()
        self._tare = tare_grams
        self._grams = 0
        self._paid = False

    def tare(self) -> int:
        """What lies there now, an empty tray, weighs nothing from now on; grams. Raises NotYet."""
        with self._lock:
            weight = self._read()
            if not weight.stable:
                raise NotYet(HOLD_STILL)
            self._tare = max(0, weight.grams)
            return self._tare

    def look(self, controls: Controls) -> Weight | None:
        """Read the scale and show its price; the net weight, or None where there is no weight or no price."""
        with self._lock:
            try:
                weight = self._net()
                self._show(controls, self._payable(controls, weight)[1] if self._steady(weight) else 0)
            except NotYet:
                self._show(controls, 0)
                return None
            return weight

    def prepare(self, controls: Controls) -> None:
        """The weight as it is now is what is paid."""
        with self._lock:
            weight = self._net()
            if weight.grams < LEAST_GRAMS:
                raise NotYet(PUT_IT)
            if not weight.stable:
                raise NotYet(HOLD_STILL)
            if self._paid:
                raise NotYet(LIFT_IT)
            self._grams, amount_minor = self._payable(controls, weight)
            controls.set_amount(amount_minor)

    def facts(self) -> Facts:
        """The net weight that was priced."""
        return Facts(device="weighing", grams=self._grams)

    def after(self, _controls: Controls, outcome: Outcome) -> None:
        """What is paid is not paid again."""
        with self._lock:
            self._paid = self._paid or outcome.approved

    def _steady(self, weight: Weight) -> bool:
        return weight.stable and weight.grams >= LEAST_GRAMS and not self._paid

    def _payable(self, controls: Controls, weight: Weight) -> tuple[int, int]:
        parameters = controls.parameters()
        if parameters is None or not parameters.per_kg_minor:
            raise NotYet(NO_PRICE)
        amount_minor = price_minor(weight.grams, per_kg_minor=parameters.per_kg_minor)
        if not amount_minor:
            raise NotYet(PUT_IT)
        if amount_minor > MAX_AMOUNT_MINOR:
            raise NotYet(TOO_HEAVY)
        return weight.grams, amount_minor

    def _net(self) -> Weight:
        """An empty scale forgets that the last tray was paid."""
        weight = self._read()
        net = Weight(weight.grams - self._tare, weight.stable)
        if net.grams < LEAST_GRAMS and net.stable:
            self._paid = False
        return net

    def _read(self) -> Weight:
        try:
            return self._scale.read()
        except Overload as error:
            raise NotYet(OVERLOAD) from error
        except ScaleError as error:
            raise NotYet(NO_SCALE) from error

    def _show(self, controls: Controls, amount_minor: int) -> None:
        if controls.screen().amount_minor != amount_minor:
            controls.set_amount(amount_minor)
