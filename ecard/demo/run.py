"""From nothing to a running campus, and in order back to nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, NoReturn

from ecard.demo import place, programs
from ecard.demo.console import Show
from ecard.demo.device import Device, DeviceFailed
from ecard.demo.fleet import FLEET, TILLS
from ecard.demo.options import PROJECT, Options
from ecard.demo.process import ProcessManager, ProgramFailed, Running
from ecard.demo.webphone import PhoneFailed
from ecard.embedded import EmbeddedPostgres, EmbeddedRedis, EngineError
from ecard.settings.env import write_environment_file

if TYPE_CHECKING:
    from ecard.demo.campus import Login

READY_TIMEOUT_S = 300.0
IDLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """What everything else stands on once the engines run."""

    options: Options
    secrets: Mapping[str, str]
    environment: Mapping[str, str]
    ports: place.Ports
    host: str
    public_url: str


def run(options: Options, *, own: MutableMapping[str, str]) -> int:
    """The whole demo; gives the exit status. Ctrl-C, SIGTERM and a closed console end it in order.

    `own` is this process's environment, to which the server's settings are added.
    """
    show = Show()
    # Started in a shell's background, a process inherits SIGINT ignored; Ctrl-C's signal must stop it all the same.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with ExitStack() as stack:
            stack.callback(os.close, place.hold(options.state))
            # Whatever ends us, what was started is stopped undisturbed.
            stack.callback(lambda: show.say("Everything has stopped.", style="dim"))
            status = _run(options, own, show, stack)
            _deafen()
            return status
    except place.AlreadyRunning:
        show.say(f"A demo is already running in {options.state}.", style="red")
    except (DeviceFailed, EngineError, PhoneFailed, ProgramFailed) as failure:
        show.say(str(failure), style="red")
    except KeyboardInterrupt:
        return 0
    return 1


def _run(options: Options, own: MutableMapping[str, str], show: Show, stack: ExitStack) -> int:
    stage = _engines(options, own, show, stack)
    if options.check:
        return int(_server().check(options, show))
    devices = [
        stack.enter_context(Device(port=port, control_port=control))
        for port, control in zip(stage.ports.terminals, stage.ports.controls, strict=True)
    ]
    manager = ProcessManager(log_folder=options.state / "logs")
    stack.callback(manager.stop)
    stack.callback(_deafen)
    running = _start(stage, devices, manager)
    server = _server()
    with show.step(f"campus of {options.people} people, keys, policy"):
        made = server.prepare(options, stage.secrets)
    if not made:
        show.say("  kept from an earlier start", style="dim")
    for each in running:
        with show.step(f"{each.program.name} is ready"):
            manager.wait_until_ready(each, timeout_s=READY_TIMEOUT_S)
    with show.step("worker listens, terminals enrolled and loaded"):
        server.wait_for_worker(timeout_s=READY_TIMEOUT_S, watch=manager.must_run)
        server.enrol(devices, timeout_s=READY_TIMEOUT_S)
    status = server.rush(options, stage.secrets, stage.ports, devices[:TILLS], show) if options.taps else 0
    if options.once:
        return status
    logins = server.campus.logins()
    _tell(stage, logins, devices, show)
    numbers = {login.role: login.number for login in logins}
    place.write_addresses(options.state, web_url=stage.public_url, ports=stage.ports, logins=numbers)
    stack.callback((options.state / place.ADDRESSES).unlink, missing_ok=True)
    return _stay(manager)


def _engines(options: Options, own: MutableMapping[str, str], show: Show, stack: ExitStack) -> Stage:
    state = options.state
    with show.step("PostgreSQL"):
        postgres = EmbeddedPostgres(state / "postgres", end_with_parent=True)
        stack.callback(postgres.stop)
        postgres.start()
    with show.step("Redis"):
        redis = EmbeddedRedis(state / "redis", end_with_parent=True)
        stack.callback(redis.stop)
        redis.start()
    host = place.EVERYWHERE if options.lan else place.LOOPBACK
    ports = place.choose_ports(terminals=len(FLEET), host=host, usual_ones=not options.any_ports)
    for usual, now in ports.replaced:
        show.say(f"  port {usual} is busy: {now} instead", style="yellow")
    address = place.lan_address() if options.lan else place.LOOPBACK
    public_url = f"http://{address}:{ports.web}"
    (state / place.ADDRESSES).unlink(missing_ok=True)  # of a demo that was killed
    kept = place.read_or_make_secrets(state)
    variables = place.server_environment(
        kept,
        database_url=postgres.app_url,
        owner_url=postgres.owner_url,
        redis_url=redis.url,
        public_url=public_url,
        hosts=["127.0.0.1", "localhost", address],
    )
    write_environment_file(state / "environment", variables)
    own.update(variables)
    with show.step("tables"):
        command = [sys.executable, str(PROJECT / "manage.py"), "migrate", "--verbosity", "0"]
        done = subprocess.run(command, cwd=PROJECT, env=dict(own), check=False, capture_output=True, text=True)
        if done.returncode:
            raise ProgramFailed(f"migrate failed:\n{done.stdout}{done.stderr}")
    return Stage(options, kept, dict(own), ports, host, public_url)


def _start(stage: Stage, devices: list[Device], manager: ProcessManager) -> list[Running]:
    state, environment = stage.options.state, stage.environment
    server = [
        programs.web(stage.ports, host=stage.host, environment=environment),
        programs.worker(environment),
        programs.beat(environment, state=state),
    ]
    # A terminal and its line know the server's address, and none of its secrets.
    bare = {name: value for name, value in environment.items() if not name.startswith(("ECARD_", "DATABASE_", "DEMO_"))}
    hardware = [programs.relay(stage.ports, devices, environment=bare)]
    for number, device in enumerate(devices):
        hardware.append(programs.terminal(number, stage.ports, device, state=state, environment=bare))
    listed = place.write_devices(state, ports=stage.ports)
    hardware.append(programs.gallery(stage.ports, listed=listed, environment=bare))
    return [manager.start(program) for program in (*server, *hardware)]


def _server() -> ModuleType:
    """The part that needs Django, whose settings read the environment when they are loaded."""
    import django

    django.setup()
    return import_module("ecard.demo.server")


def _tell(stage: Stage, logins: Sequence[Login], devices: list[Device], show: Show) -> None:
    url = stage.public_url
    rows = []
    pages = {
        "admin": ("administration", f"{url}/admin/"),
        "manager": ("the canteen manager's", f"{url}/admin/"),
        "student": ("a student's page", f"{url}/"),
        "staff": ("a staff member's page", f"{url}/"),
        "visitor": ("a visitor's page", f"{url}/"),
        "pupil": ("a pupil's page", f"{url}/"),
    }
    for login in logins:
        password = place.password_of(login.role, stage.secrets)
        rows.append((*pages[login.role], f"{login.number} / {password}"))
    rows.append(("API", f"{url}/api/docs/", ""))
    for name, pin in place.pins(stage.secrets).items():
        rows.append(("supervisor's menu", "at any device", f"{name} / {pin}"))
    rows.append(("gallery of all devices", f"http://{place.LOOPBACK}:{stage.ports.gallery}/", ""))
    for device, each in zip(devices, FLEET, strict=True):
        rows.append((each.en, f"{device.url}/", ""))
        if each.kind == "canteen":
            rows.append(("  its customer's side", f"{device.url}/customer", ""))
    show.addresses(rows)
    if stage.options.lan:
        show.picture(f"{url}/", caption="On a phone in this network")
        show.say(
            "  Over plain http a page cannot be installed, so it keeps its keys only while it is open.\n"
            "  Open a terminal's cashier page on this machine and let its camera read the phone.",
            style="dim",
        )
    show.say(f"Logs, keys and data are in {stage.options.state}. Ctrl-C stops everything.", style="dim")


def _stay(manager: ProcessManager) -> NoReturn:
    while True:
        manager.must_run()
        time.sleep(IDLE_S)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _deafen() -> None:
    """While everything is being stopped in order, another Ctrl-C changes nothing."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
