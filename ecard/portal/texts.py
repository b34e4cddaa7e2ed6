"""The words that the page's scripts say: rendered by gettext into the page, so that there is one catalogue.

`{name}` is filled in by the script.
"""

from __future__ import annotations

from django.utils.translation import gettext as _


def page_texts() -> dict[str, str]:
    """Every text that ecard/portal/js names, in the active language."""
    return {**_code_texts(), **_storage_texts(), **_summary_texts()}


def _code_texts() -> dict[str, str]:
    return {
        "sign_in": _("Sign in"),
        "retry": _("Try again"),
        "light": _("Enlarge and light up"),
        "dim": _("Back to the page"),
        "refused": "{detail}",
        "no_code": _("The server gave no code just now. Your money is safe; try again, or ask the card office."),
        "nothing_offline": _(
            "There is no code on this phone yet. Go online once and sign in; from then on it opens without a network."
        ),
        "expired_offline": _("The codes kept on this phone have run out. Go online for a moment to fetch new ones."),
        "low": _("Days for which this phone still has codes: {days}. Go online for a moment to fetch new ones."),
        "signed_out": _(
            "You are signed out on the server. If this phone was not reported lost, its code still works; "
            "days left: {days}. Sign in once to go on."
        ),
        "signed_out_no_code": _("You are signed out. Sign in to get a code."),
        "clock_fast": _(
            "This phone's clock is {seconds} s fast. The code allows for it, but set the time to "
            "automatic in the phone's settings and open this page online."
        ),
        "clock_slow": _(
            "This phone's clock is {seconds} s slow. The code allows for it, but set the time to "
            "automatic in the phone's settings and open this page online."
        ),
    }


def _storage_texts() -> dict[str, str]:
    return {
        "evicted": _(
            "The browser has cleared what this page kept, and the codes with it. Go online and sign in once; "
            "that brings everything back."
        ),
        "restored": _("The browser had cleared what this page kept. It has been restored."),
        "storage_denied": _(
            "This browser keeps nothing for this page (a private window, or storage is full). The "
            "code works only while the page is open."
        ),
        "storage_not_promised": _(
            "The browser may clear this page when space runs short. Add it to the home screen to make that unlikely."
        ),
        "no_ed25519": _(
            "This browser cannot lock keys away, so they are kept as plain data on this phone. A newer "
            "browser is safer."
        ),
        "not_secure": _(
            "This address is not encrypted (http), so the page cannot be installed. The code works while "
            "the page is open, with keys that are forgotten when it closes."
        ),
    }


def _summary_texts() -> dict[str, str]:
    return {
        "just_now": _("just now"),
        "as_of": _("As of {age}"),
        "last_known": _("Offline: last known {age}"),
        "until": _("until {date}"),
        "reversed": _("reversed"),
        "all_of_it": _("Show the whole sale"),
    }
