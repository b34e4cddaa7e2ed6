"""What a browser needs to install the page, and what it may do there."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from django.test import Client
from PIL import Image

from ecard.portal import shell


def build(client: Client) -> dict[str, object]:
    script = client.get("/sw.js").content.decode()
    head = script.split("\n", 1)[0]
    found: dict[str, object] = json.loads(head.removeprefix("const BUILD = ").removesuffix(";"))
    return found


def test_the_manifest_names_icons_that_exist_in_their_sizes(db: None, client: Client) -> None:
    manifest = client.get("/manifest.webmanifest").json()
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    assert any(icon.get("purpose") == "maskable" for icon in manifest["icons"])
    for icon in manifest["icons"]:
        answer = client.get(icon["src"])
        assert answer["Content-Type"] == "image/png"
        picture = Image.open(BytesIO(answer.content))
        assert f"{picture.width}x{picture.height}" == icon["sizes"]


def test_a_maskable_icon_fills_its_square_and_others_are_rounded(client: Client) -> None:
    corners = [
        Image.open(BytesIO(client.get(path).content)).convert("RGBA").getpixel((0, 0))
        for path in ("/icons/maskable-512.png", "/icons/512.png")
    ]
    assert [corner[3] for corner in corners if isinstance(corner, tuple)] == [255, 0]


@pytest.mark.parametrize("path", ["/icons/1.png", "/icons/99999.png", "/icons/maskable-7.png", "/shell/fr/"])
def test_what_is_not_offered_is_not_found(db: None, client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_everything_the_service_worker_keeps_can_be_had_without_signing_in(db: None, client: Client) -> None:
    kept = build(client)
    shells, pages, assets = kept["shells"], kept["pages"], kept["assets"]
    assert isinstance(shells, dict)
    assert isinstance(pages, list)
    assert isinstance(assets, list)
    for address in [*shells.values(), *pages, *assets]:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.getvalue(), address


def test_the_worker_may_serve_the_whole_site_and_is_always_asked_anew(db: None, client: Client) -> None:
    answer = client.get("/sw.js")
    assert answer["Service-Worker-Allowed"] == "/"
    assert answer["Cache-Control"] == "no-cache"
    assert answer["Content-Type"].startswith("text/javascript")


def test_a_changed_text_is_a_new_build(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(client)["version"]
    shell._worker_script.cache_clear()
    monkeypatch.setattr(shell, "page_texts", lambda: {"sign_in": "Come in"})
    try:
        assert build(client)["version"] != before
    finally:
        shell._worker_script.cache_clear()


def test_scripts_that_were_not_bundled_are_named(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shell._worker_script.cache_clear()
    monkeypatch.setattr(shell, "WORKER", "portal/missing.js")
    with pytest.raises(shell.NotBuilt, match="make build"):
        shell.worker_script()


@pytest.mark.parametrize("path", ["/sign-in/", "/help/", "/shell/en/", "/hosts/plain/", "/nothing/"])
def test_pages_allow_no_script_but_their_own_files(db: None, client: Client, path: str) -> None:
    answer = client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert b" style=" not in answer.content


def test_the_shell_speaks_each_language_whatever_the_browser_prefers(db: None, client: Client) -> None:
    page = client.get("/shell/zh-hans/", headers={"Accept-Language": "en"}).content.decode()
    assert 'lang="zh-hans"' in page
    assert "付款码" in page
