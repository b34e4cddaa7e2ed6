"""The demo's simulated devices, in the order of their ports. No Django here."""

from __future__ import annotations

from dataclasses import dataclass

from devices.core.messages import DeviceKind


@dataclass(frozen=True, slots=True)
class Simulated:
    """One device: how it is registered, and what the gallery calls it."""

    kind: DeviceKind
    name: str
    outlet: str
    zh: str
    en: str


FLEET = (
    Simulated("canteen", "北苑1号机", "north-1", "北苑食堂 · 固定价格", "North canteen · fixed price"),
    Simulated("canteen", "南苑1号机", "south-1", "南苑食堂 · 输入金额", "South canteen · typed amounts"),
    Simulated("canteen", "北苑4号机", "north-4", "北苑食堂 · 商品", "North canteen · products"),
    Simulated("weighing", "南苑称重台", "south-1", "南苑食堂 · 自助称重", "South canteen · self-service scale"),
    Simulated("gate", "体育馆闸机", "gym-1", "体育馆 · 闸机", "Gym · gate"),
    Simulated("bus", "校园巴士1路", "bus-1", "校园巴士 · 1 路", "Campus bus · line 1"),
    Simulated("cabinet", "牛奶柜", "milk-1", "牛奶柜", "Milk cabinet"),
)
TILLS = 3
"""The first so many are canteen tills: the rush is served there."""
