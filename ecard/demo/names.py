"""Plausible Chinese names from a seeded generator: the same demo campus everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

SEED = 2026

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢"
    "蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙"
)
_DOUBLE_SURNAMES = ("欧阳", "上官", "司马", "诸葛", "东方", "尉迟")
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰萍红鹏辉婷宇浩轩梓涵子墨欣怡雨桐"
    "思远诺晨曦佳琪嘉豪文博俊熙诗若天佑梦洁志海燕建国雪晴晓东春梅冬秋月云飞新庆丰永康安书瑶"
)
_DOUBLE_SURNAME_SHARE = 0.015
_ONE_CHARACTER_SHARE = 0.22


def names(seed: int = SEED) -> Iterator[str]:
    """Names without end; some come twice, as on any campus."""
    draw = Random(seed)  # noqa: S311  (names for a demo, nothing secret)
    while True:
        double = draw.random() < _DOUBLE_SURNAME_SHARE
        surname = draw.choice(_DOUBLE_SURNAMES) if double else draw.choice(_SURNAMES)
        length = 1 if draw.random() < _ONE_CHARACTER_SHARE else 2
        yield surname + "".join(draw.choice(_GIVEN) for _ in range(length))
