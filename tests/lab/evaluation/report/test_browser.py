"""The page in a real browser: Debian's Chromium, headless (scripts/debian-packages installs it).

A browser that does not start, or hangs when it does, is the machine's: it is tried in a process of its own first.
"""

import os
import shutil
import signal
import subprocess
import sys

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 90  # a start takes two or three
OPTIONS = {
    "executable_path": CHROMIUM,
    "timeout": SECONDS * 1000,
    # It may not ask the network for anything, nor need a graphics card or a large /dev/shm.
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
    ],
}
TRIAL = f"""
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    opened = playwright.chromium.launch(**{OPTIONS!r})
    page = opened.new_page()
    page.goto("data:text/html,<p>here")
    assert page.inner_text("p") == "here"
    opened.close()
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; run scripts/debian-packages as root"),
]


def trial() -> str | None:
    """What keeps the browser from being used here; None where it works."""
    child = subprocess.Popen(
        [sys.executable, "-c", TRIAL], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, said = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return f"chromium showed no page within {SECONDS} s"
    return said.decode(errors="replace").strip().rpartition("\n")[2] if child.returncode else None


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    if (fault := trial()) is not None:
        pytest.skip(f"chromium does not start on this machine: {fault}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def loaded(browser, report_files):
    """The page, and everything that it said or asked for while it loaded and was used."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(SECONDS * 1000)
    heard = {"console": [], "errors": [], "requests": [], "dialogs": []}
    page.on("console", lambda message: heard["console"].append(message.text))
    page.on("pageerror", lambda error: heard["errors"].append(str(error)))
    page.on("request", lambda request: heard["requests"].append(request.url))
    page.on("dialog", lambda dialog: (heard["dialogs"].append(dialog.message), dialog.dismiss()))
    page.goto(report_files[".html"].as_uri(), wait_until="load")
    yield page, heard
    page.close()


def column(page, table, number):
    return page.eval_on_selector_all(
        f"{table} tbody tr > :nth-child({number})",
        "cells => cells.map(cell => cell.dataset.value === undefined ? null : Number(cell.dataset.value))",
    )


def test_all_pictures_are_shown(loaded):
    page, _ = loaded
    widths = page.eval_on_selector_all("img", "images => images.map(image => image.naturalWidth)")
    assert len(widths) == 3 * 4 * 6
    assert min(widths) > 0
    first = page.locator("#frames img").first
    first.scroll_into_view_if_needed()
    assert first.bounding_box()["width"] > 200


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(loaded, evil):
    page, _ = loaded
    names = "#overall-table tbody th"
    before = column(page, "#overall-table", 2)
    assert before == sorted(before)  # as the run named its methods: the worst PSNR first
    heading = page.locator("#overall-table thead th").nth(1)
    heading.locator("button").click()
    assert column(page, "#overall-table", 2) == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    assert page.locator(names).first.inner_text() == evil
    heading.locator("button").click()
    assert column(page, "#overall-table", 2) == before
    assert heading.get_attribute("aria-sort") == "ascending"


def test_the_first_click_puts_the_best_on_top_where_lower_is_better(loaded, evil):
    page, _ = loaded
    page.locator("#overall-table thead th button", has_text="ΔE-ITP").first.click()
    assert page.locator("#overall-table tbody th").first.inner_text() == evil
    page.locator("#overall-table thead th button", has_text="Method").click()
    found = page.locator("#overall-table tbody th").all_inner_texts()
    assert [name.rstrip("°") for name in found][-1] == "static-203"


def test_one_choice_is_shown_and_the_select_changes_all_of_its_group(loaded):
    page, _ = loaded
    shown = "#{} details.choice:not([hidden])"
    assert page.locator(shown.format("distributions")).count() == 1
    page.select_option("#crf [data-chooser] select", "psnr")
    for section in ("crf", "rendering", "scene", "distributions"):
        assert page.locator(shown.format(section)).get_attribute("data-choice") == "psnr"
        assert page.locator(f"#{section} [data-chooser] select").input_value() == "psnr"
    page.select_option("#differences select", "inverse-bt2446a")
    assert page.locator(shown.format("differences")).locator("tbody tr").count() == 2
    page.select_option("#frames select", "static-203")
    assert page.locator(shown.format("frames")).locator("article").count() == 4


def test_nothing_hangs_over_the_edge_of_a_telephone(loaded):
    page, _ = loaded
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light_are_both_legible(loaded):
    page, _ = loaded
    sum_of = "(text) => text.match(/[0-9.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)"
    for scheme, dark in (("light", False), ("dark", True)):
        page.emulate_media(color_scheme=scheme)
        names = ("backgroundColor", "color")
        colours = [page.evaluate(f"getComputedStyle(document.body).{name}") for name in names]
        paper, ink = (page.evaluate(sum_of, colour) for colour in colours)
        assert (paper < ink) is dark
        assert abs(paper - ink) > 3 * 150


def test_without_scripts_every_table_can_still_be_opened(browser, report_files):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report_files[".html"].as_uri())
    assert page.locator("#crf summary:visible").count() == 5
    assert page.locator("#crf table:visible").count() == 1
    page.locator("#crf summary", has_text="PSNR").click()
    assert page.locator("#crf table:visible").count() == 2
    assert page.locator("[data-chooser]:visible").count() == 0
    context.close()


def test_the_page_was_silent_and_asked_nobody(loaded):
    page, heard = loaded
    assert heard["console"] == []
    assert heard["errors"] == []
    assert heard["dialogs"] == []
    asked = [url for url in heard["requests"] if not url.startswith("data:")]
    assert asked == [page.url]
