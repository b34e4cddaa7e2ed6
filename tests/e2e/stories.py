"""What an administrator does with rules: from a template to a policy that every terminal decides by."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import psycopg
from playwright.sync_api import Locator, Page, expect
from psycopg import sql

from tests.e2e.books import Books
from tests.e2e.counter import Counter
from tests.e2e.phone import Phone
from tests.e2e.watching import TIMEOUT_S, keep, until

TIMEOUT_MS = TIMEOUT_S * 1000
INPUTS_MOST = 12
RULES = ("programme", "entitlement", "pricerule", "spendlimit", "block")


@dataclass(frozen=True, slots=True)
class Desk:
    """One person's browser before administration; buttons are pressed by what is written on them."""

    page: Page

    def set_up(
        self,
        template: str,
        *,
        texts: Mapping[str, str],
        chosen: Collection[str] = (),
        says: Collection[str],
        name: str,
    ) -> None:
        """A template from the gallery: fill in, read in both languages what it will do, set it up."""
        page = self.page
        page.goto("/admin/templates/")
        page.locator("a.gallery-card", has_text=template).click()
        labels = page.locator("form .ask-field")
        expect(labels.first).to_be_visible(timeout=TIMEOUT_MS)
        assert labels.count() <= INPUTS_MOST
        for label, text in texts.items():
            self._fill(page.get_by_label(label, exact=True), text)
        for label in chosen:
            page.get_by_label(label, exact=True).check()
        self.press("What will it do?")
        said = page.locator("section", has_text="This is what it will do")
        for words in says:
            expect(said).to_contain_text(words, timeout=TIMEOUT_MS)
        keep(page, f"{name}-preview")
        self.press("Set up")
        expect(page.get_by_text("Set up: ")).to_be_visible(timeout=TIMEOUT_MS)

    def make_draft(self, name: str, *, changes: Collection[str]) -> str:
        """A draft of the rules as they stand; gives its address."""
        page = self.page
        page.goto("/admin/benefits/policydraft/")
        self.press("New draft")
        page.locator("[name=name]").fill(name)
        self._confirm("Make the draft")
        for words in changes:
            expect(page.locator(".draft-changes")).to_contain_text(words, timeout=TIMEOUT_MS)
        expect(page.get_by_text("This cannot be published")).to_have_count(0)
        return page.url

    def rehearse(self, draft: str, *, replayed: int, person: str, then: str, now: str, name: str) -> None:
        """Replay what was sold under the draft, and open one person's sale with both explanations.

        At least so many sales are `replayed`; the person pays less or more for one of them.
        """
        page = self.page
        page.goto(draft)
        keep(page, f"{name}-draft", whole=True)
        self.press("Rehearse")
        self._confirm("Rehearse")
        cards = page.locator(".office-card")
        expect(cards.first).to_be_visible(timeout=TIMEOUT_MS)
        count = re.search(r"(\d+) sales", cards.filter(has_text="Replayed").inner_text())
        assert count is not None
        assert int(count[1]) >= replayed
        keep(page, f"{name}-rehearsal", whole=True)
        found = page.url.split("/")[-3]
        page.goto(f"/admin/settlement/rehearsalperson/?rehearsal__id__exact={found}&q={person}")
        page.locator("#result_list tbody a").first.click()
        page.locator("tr.draft-differs a").first.click()
        sides = page.locator(".draft-both section")
        expect(sides.first).to_contain_text(then, timeout=TIMEOUT_MS)
        expect(sides.last).to_contain_text(now)
        keep(page, f"{name}-side-by-side")

    def ask_approval(self, address: str) -> None:
        """Ask that a draft or a run may go ahead."""
        self.page.goto(address)
        self.press("Ask for approval")
        self._confirm("Ask")
        expect(self._button("Ask for approval")).to_have_count(0, timeout=TIMEOUT_MS)

    def may_not_approve(self, address: str) -> None:
        """Whoever asked finds no button, and none to publish."""
        self.page.goto(address)
        self.press("To the approval")
        expect(self.page.get_by_text("waiting")).to_be_visible(timeout=TIMEOUT_MS)
        expect(self._button("Approve")).to_have_count(0)

    def make_run(self, programme: str, *, period: str, name: str, people: int | None = None) -> str:
        """List whom a programme pays, and how much in all; gives the run's address."""
        page = self.page
        page.goto("/admin/benefits/run/")
        self.press("New run")
        page.get_by_label("Programme", exact=True).select_option(label=programme)
        page.get_by_label("For the period").fill(period)
        page.get_by_label("Reason").fill(programme)
        self.press("List the people")
        expect(self._row("State")).to_contain_text("listed", timeout=TIMEOUT_MS)
        if people is not None:
            expect(self._row("People")).to_contain_text(str(people))
        keep(page, f"{name}-run-listed")
        return page.url

    def approve(self, what: str) -> None:
        """Read the newest request about `what`, and let it go ahead."""
        page = self.page
        page.goto("/admin/approvals/approval/?state__exact=open")
        page.locator("#result_list tbody tr", has_text=what).first.get_by_role("link").first.click()
        expect(page.get_by_text(what).first).to_be_visible(timeout=TIMEOUT_MS)
        self.press("Approve")
        self._confirm("Approve")
        expect(page.get_by_text("Approved. It goes ahead")).to_be_visible(timeout=TIMEOUT_MS)
        expect(self._button("Approve")).to_have_count(0)

    def pay_out(self, run: str, *, name: str) -> None:
        """Pay an approved run, and stay until it is paid."""
        self.page.goto(run)
        self.press("Pay out")
        self._confirm("Pay out")
        expect(self._row("State")).to_contain_text("paid out", timeout=TIMEOUT_MS)
        expect(self._button("Reverse the run")).to_be_visible(timeout=TIMEOUT_MS)
        keep(self.page, f"{name}-run-paid")

    def publish(self, draft: str, *, name: str) -> int:
        """Send an approved draft to the terminals, at once; gives the policy's number."""
        page = self.page
        page.goto(draft)
        self.press("Publish")
        page.get_by_label("at once").check(timeout=TIMEOUT_MS)
        keep(page, f"{name}-publish")
        self.press("Sign and send to terminals")
        told = page.get_by_text(re.compile(r"Policy \d+ is published"))
        expect(told).to_be_visible(timeout=TIMEOUT_MS)
        number = re.search(r"\d+", told.inner_text())
        assert number is not None
        return int(number[0])

    def move_terminal(self, terminal: str, *, to: str) -> None:
        """A terminal is carried to another outlet."""
        page = self.page
        page.goto("/admin/terminals/terminal/")
        page.locator("#result_list tbody tr", has_text=terminal).get_by_role("link").first.click()
        page.locator("#id_outlet + .select2").click()
        # The search in the list that is open: fields of many (a gate's groups) have one of their own.
        page.locator(".select2-dropdown .select2-search__field").fill(to.split(" · ")[0])
        page.locator(".select2-results__option", has_text=to).click(timeout=TIMEOUT_MS)
        self.press("Save")
        expect(page.locator("#result_list tbody tr", has_text=terminal)).to_contain_text(to, timeout=TIMEOUT_MS)

    def press(self, words: str) -> None:
        """A button or a link that looks like one."""
        self._button(words).first.click(timeout=TIMEOUT_MS)

    def _button(self, words: str) -> Locator:
        """By its words alone: its icon is a word too."""
        named = re.compile(rf"(^|\s){re.escape(words)}\s*$")
        return self.page.get_by_role("link", name=named).or_(self.page.get_by_role("button", name=named))

    def _confirm(self, words: str) -> None:
        """The dialog's own button: it has no icon, so its name is these words alone."""
        with self.page.expect_navigation(timeout=TIMEOUT_MS):
            self.page.get_by_role("button", name=words, exact=True).click(timeout=TIMEOUT_MS)

    def _row(self, label: str) -> Locator:
        return self.page.locator(".form-row, .field-row, .flex", has_text=re.compile(rf"^\s*{label}\s")).last

    @staticmethod
    def _fill(field: Locator, text: str) -> None:
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=text)
        else:
            field.fill(text)


def put_all_rules_out_of_use(database_url: str) -> None:
    """What an earlier story made is in no draft from here on, as if each of its rules had been unticked."""
    with psycopg.connect(database_url, autocommit=True) as session:
        for rule in RULES:
            table = sql.Identifier(f"benefits_{rule}")
            session.execute(sql.SQL("UPDATE {} SET active = false WHERE active").format(table))


def make_it_meal_time(database_url: str, meal: str, *, minutes_left: int) -> None:
    """Move all meals of the campus, so that this one is being served and ends that many whole minutes from now."""
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute(_MOVE_MEALS, {"meal": meal, "left": minutes_left})


_MOVE_MEALS = """
WITH now AS (
    SELECT extract(hour FROM local)::int * 60 + extract(minute FROM local)::int AS minute
    FROM (SELECT now() AT TIME ZONE site.zone AS local FROM merchants_site AS site LIMIT 1) AS place
), shift AS (
    SELECT (now.minute + %(left)s - meal.end_minute + 2880) %% 1440 AS minutes
    FROM merchants_mealperiod AS meal, now WHERE meal.code = %(meal)s
)
UPDATE merchants_mealperiod AS meal
SET start_minute = (meal.start_minute + shift.minutes) %% 1440,
    end_minute = (meal.start_minute + shift.minutes) %% 1440 + meal.end_minute - meal.start_minute
FROM shift
"""


def carry_policy_into_the_dark(number: int, *, books: Books, counters: Collection[Counter]) -> None:
    """Wait until these terminals decide by the policy and know what was issued, and cut them off."""
    for counter in counters:
        until(partial(_decides_by, number, counter.terminal, books), what="the terminal decides by the policy")
        counter.has_heard_the_news()
    for counter in counters:
        counter.switch_line("drop")


def come_back_from_the_dark(*counters: Counter) -> None:
    """They did all that with no line; now it is mended, and everything goes to the server."""
    for counter in counters:
        counter.is_offline()
    for counter in counters:
        counter.switch_line("pass")
    for counter in counters:
        counter.has_sent_all()


def _decides_by(number: int, terminal: int, books: Books) -> bool:
    return books.policy_of(terminal) == number


def pay(phone: Phone, counter: Counter, *, keys: str) -> None:
    """The next person, or the same one later: the last answer has gone, an amount is typed, a code is shown."""
    counter.answer_has_gone()
    counter.type_amount(keys)
    show_code(phone, counter)


def show_code(phone: Phone, counter: Counter) -> None:
    """The phone, which has no network, shows a moment of its own to the scanner."""
    phone.page.reload()
    counter.paste(phone.picture())


def is_explained(phone: Phone, sale_id: int, *, en: Collection[str], zh: Collection[str], name: str) -> None:
    """The page of the sale on the cardholder's phone says why it cost that, in both languages."""
    for language, sentences in (("zh-hans", zh), ("en", en)):
        page = phone.open_sale(sale_id, language=language)
        for sentence in sentences:
            expect(page.locator("ol.reasons")).to_contain_text(sentence, timeout=TIMEOUT_MS)
        keep(page, f"{name}-phone-sale-{language[:2]}")
