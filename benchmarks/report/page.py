"""Opens pages of reports in a browser and tries what their readers do.

    pip install playwright                       # the Chromium of the system is driven; no other one is fetched
    python3 benchmarks/report/page.py results/reference/*/report.html [--screenshots FOLDER]

For each page: no error on the console and nothing asked of the network; a click on a header changes the order of the rows, a second one
turns it around; a filter hides the rows of other methods and only those, and comes off again; one plot of a group is shown at a time; the
list of items has the rows that its counts promise; links lead to places of the page; at 380 pixels nothing but tables and plots is wider than
the window. Screenshots: light, dark, 380 pixels.

Exit codes: 0 all pages pass, 1 one does not, 77 nothing was tried, and why.
"""

import argparse
import pathlib
import shutil
import sys


def not_run(why):
    print(f"not run: {why}")
    sys.exit(77)


try:
    from playwright.sync_api import sync_playwright
except ImportError:
    not_run("Python has no `playwright`; `pip install playwright` brings it")

WIDE = """() => [...document.querySelectorAll('body *')].filter((part) => !part.closest('.scroll, pre') && part.getClientRects().length > 0
  && part.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((part) => part.outerHTML.slice(0, 80))"""


def texts(table, column):
    return table.evaluate("(table, column) => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent.trim())", column)


def sorting(page):
    tried = 0
    for table in page.query_selector_all("table.sortable"):
        if not table.is_visible() or table.evaluate("(table) => table.tBodies[0].rows.length") < 2:
            continue
        for column, header in enumerate(table.query_selector_all("thead th")):
            header.query_selector("button").click()
            first = texts(table, column)
            order = header.get_attribute("aria-sort")
            assert order in ("ascending", "descending"), f"column {column} has no order"
            header.query_selector("button").click()
            second = texts(table, column)
            assert header.get_attribute("aria-sort") != order, f"a second click leaves column {column} as it was"
            assert sorted(first) == sorted(second), f"rows were lost in column {column}"
            filled = [text for text in first if text not in ("", "–")]
            if len(set(filled)) > 1:
                assert first != second, f"column {column} keeps its order: {first}"
                tried += 1
            sort_values = table.evaluate(
                "(table, column) => [...table.tBodies[0].rows].map((row) => row.cells[column].dataset.sort).filter((x) => x !== undefined).map(Number)", column
            )
            if sort_values:
                ascending = header.get_attribute("aria-sort") == "ascending"
                assert sort_values == sorted(sort_values, reverse=not ascending), f"column {column} is not sorted: {sort_values}"
    return tried


def filtering(page):
    box = page.query_selector("#facets")
    if box is None:
        return 0
    rows = "() => [...document.querySelectorAll('section.group > .scroll > table > tbody > tr')].map((row) => [row.closest('section').id, row.dataset.method, row.hidden])"
    coordinates = page.evaluate("() => Object.fromEntries([...document.querySelectorAll('section.group')].map((group) => [group.id, JSON.parse(group.dataset.coordinates)]))")
    tried = 0
    for fieldset in box.query_selector_all("fieldset"):
        axis = fieldset.get_attribute("data-axis")
        for choice in fieldset.query_selector_all("input"):
            value = choice.get_attribute("value")
            choice.check()
            for group, method, hidden in page.evaluate(rows):
                assert hidden != (value in coordinates[group][method][axis]), f"{axis} = {value}: {method} of {group}"
            shown = sum(not hidden for _, _, hidden in page.evaluate(rows))
            assert page.inner_text("#facets-shown").startswith(f"{shown} of "), page.inner_text("#facets-shown")
            choice.uncheck()
            tried += 1
    first = box.query_selector("input")
    first.check()
    page.click("#facets-reset")
    assert not any(hidden for _, _, hidden in page.evaluate(rows)), "rows stay hidden"
    return tried


def plots(page):
    tried = 0
    for box in page.query_selector_all(".plots"):
        for button in box.query_selector_all(".choice button"):
            button.click()
            shown = [figure.get_attribute("data-cost") for figure in box.query_selector_all("figure") if figure.is_visible()]
            assert shown == [button.inner_text()], f"{shown} instead of {button.inner_text()}"
            tried += 1
    return tried


def items(page):
    tried = 0
    for box in page.query_selector_all(".disagreements"):
        box.evaluate("(box) => { box.open = true; }")
        for kind in ("all", "a", "b", "none"):
            box.query_selector("[data-kind]").select_option(kind)
            numbers = [int(word) for word in box.query_selector(".counts").inner_text().replace(".", "").split() if word.isdigit()]
            total, of, a_right, b_right, neither = numbers
            assert total == a_right + b_right + neither <= of, numbers
            expected = {"all": total, "a": a_right, "b": b_right, "none": neither}[kind]
            more = box.query_selector(".more")
            while more.is_visible():
                more.click()
            found = box.evaluate("(box) => [...box.querySelectorAll('tbody tr')].map((row) => [...row.cells].slice(1, 4).map((cell) => cell.textContent))")
            assert len(found) == expected, f"{kind}: {len(found)} rows instead of {expected}"
            right = box.evaluate("(box) => [...box.querySelectorAll('tbody tr')].map((row) => [2, 3].map((at) => row.cells[at].className === 'right'))")
            wanted = {"a": [True, False], "b": [False, True], "none": [False, False]}
            assert kind == "all" or all(row == wanted[kind] for row in right), kind
            tried += 1
        box.query_selector("[data-kind]").select_option("all")
    return tried


def links(page):
    broken = page.evaluate("() => [...document.querySelectorAll('a')].map((a) => a.getAttribute('href')).filter((to) => !to.startsWith('#') || document.getElementById(to.slice(1)) === null)")
    assert not broken, f"links that lead nowhere: {broken}"
    twice = page.evaluate("() => { const ids = [...document.querySelectorAll('[id]')].map((part) => part.id); return ids.filter((id, i) => ids.indexOf(id) !== i); }")
    assert not twice, f"ids that occur twice: {twice}"
    return page.evaluate("() => document.querySelectorAll('a').length")


def visit(browser, path, screenshots):
    name = f"{path.parent.name}-{path.stem}"
    faults = []
    found = {}
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 380), ("dark", 380)):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        said = []
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(f"asks for {request.url[:80]}") if not request.url.startswith(("file:", "data:")) else None)
        page.goto(path.resolve().as_uri())
        try:
            if width == 380:
                wide = page.evaluate(WIDE)
                assert not wide, f"wider than the window at {width} pixels: {wide[:3]}"
            if (scheme, width) == ("light", 1280):
                for check in (sorting, filtering, plots, items, links):
                    found[check.__name__] = check(page)
        except AssertionError as fault:
            faults.append(f"{scheme}, {width} pixels: {fault}")
        if screenshots:
            page.screenshot(path=screenshots / f"{name}-{scheme}-{width}.png", full_page=True)
        faults += [f"{scheme}, {width} pixels: {text}" for text in said]
        page.close()
    print(f"{path}: {'; '.join(faults) or 'ok'} ({', '.join(f'{what} {n}' for what, n in found.items())})")
    return not faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        not_run("there is no `chromium`, `chromium-browser` or `google-chrome` on the path")
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        passed = [visit(browser, path, arguments.screenshots) for path in arguments.pages]
        browser.close()
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
