"""What somebody at the counter reads out on the telephone: how the terminal is, and where it should be looked at."""

from devices.core.messages import Parameters
from devices.master.desk import Health
from devices.master.screen import Said, Screen
from devices.supervisor.values import Check

_WELL = Said("正常", "in order")


def diagnose(
    health: Health, screen: Screen, *, parameters: Parameters | None, software: str, printer: bool
) -> tuple[Check, ...]:
    """In the order in which one asks."""
    age_s = max(0, health.at_ms // 1000 - health.made_s) if health.made_s else None
    net = screen.network
    since_min = max(0, health.at_ms - net.since_ms) // 60_000
    return (
        Check(Said("终端", "Terminal"), _plain(f"{screen.terminal} {parameters.name if parameters else ''}".strip())),
        Check(Said("软件", "Software"), _plain(software or "–")),
        Check(Said("存储", "Storage"), _storage(health), not health.broken and health.has_room),
        Check(Said("时钟", "Clock"), _clock(health), not health.doubt),
        Check(
            Said("网络", "Network"),
            Said(
                f"{'已联网' if net.online else '已断网'}（{since_min} 分钟）",
                f"{'online' if net.online else 'offline'} for {since_min} min",
            ),
            net.online,
        ),
        Check(Said("邻近终端", "Neighbours"), _plain(str(screen.neighbours))),
        Check(
            Said("快照", "Snapshot"),
            _plain("–") if age_s is None else _aged(f"{health.generation}.{health.snapshot}", age_s // 60),
            age_s is not None,
        ),
        Check(Said("规则", "Policy"), _plain(str(health.policy or "–")), bool(health.policy)),
        Check(Said("密钥列表", "Key list"), _plain(str(health.key_list or "–")), bool(health.key_list)),
        Check(Said("日志", "Journal"), _plain(f"{health.epoch:016x} · {health.seq}")),
        Check(Said("日志格式（服务器）", "Journal format (server)"), _plain(str(health.journal_format or "–"))),
        Check(Said("待上传", "Not uploaded yet"), _plain(str(health.unsent))),
        Check(Said("打印机", "Printer"), Said("已连接", "connected") if printer else Said("无", "none")),
    )


def _plain(text: str) -> Said:
    return Said(text, text)


def _aged(text: str, minutes: int) -> Said:
    return Said(f"{text}（{minutes} 分钟前）", f"{text}, {minutes} min ago")


def _storage(health: Health) -> Said:
    if health.broken:
        return _plain(health.broken)
    return _WELL if health.has_room else Said("已满", "full")


def _clock(health: Health) -> Said:
    if not health.doubt:
        return _WELL
    return Said("早于服务器", "behind the server") if health.doubt == "behind" else Said("被改动", "was changed")
