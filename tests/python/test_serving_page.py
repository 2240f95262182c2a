"""The page of the server in a real browser without a window."""

import base64
import csv
import dataclasses
import importlib.util
import io
import shutil

import numpy as np
import pytest
from PIL import Image

import pycifar
from pycifar.models.calibration import Calibration

for module in ("httptools", "starlette", "uvicorn", "multipart", "playwright"):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs {module}", allow_module_level=True)
if shutil.which("chromium") is None:
    pytest.skip("needs Chromium, as Debian's package chromium", allow_module_level=True)


@pytest.fixture(scope="module")
def models():
    plain = pycifar.load_model("fastnet-cifar10")
    unsure = Calibration(4.0, 0.9, 0.05, "test", 100, 0.1, 0.05)
    return {"plain": plain, "unsure": dataclasses.replace(plain, calibration=unsure)}


@pytest.fixture(scope="module")
def server(models):
    with pycifar.serve(models, port=0, wait=False) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server):
    """The page, which must ask no other host and report no error."""
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.address)
    page.wait_for_selector("#models:not([hidden])")
    yield page
    page.close()
    ours = (server.address, "blob:", "data:")
    assert [url for url in asked if not url.startswith(ours)] == []
    # Chromium itself reports each answer that says that a picture cannot be read.
    assert [text for text in errors if "status of 422" not in text] == []


@pytest.fixture
def photograph(tmp_path):
    """A drawn photograph, and what Python makes of it."""
    pixels = np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    path = tmp_path / "photo, of =me.png"
    Image.fromarray(pixels).save(path)
    return path


def drop(page, path):
    """Drop a file on the page as a hand does it."""
    data = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([data, name]) => {
            const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, {type: "image/png"}));
            return transfer;
        }""",
        [data, path.name],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("#drop", event, {"dataTransfer": transfer})


def test_a_dropped_photograph_gets_its_class_bars_and_heat_map(page, models, photograph):
    drop(page, photograph)
    page.wait_for_selector("text=Done: 2 answers")
    probabilities = pycifar.predict(models["plain"], photograph, "prob")[0]
    likely = models["plain"].class_names[probabilities.argmax()]
    assert page.locator(".answer .class").all_inner_texts() == [likely, likely]
    shown = page.locator(".answer >> nth=0").locator("li > span:last-child").all_inner_texts()
    expected = sorted(probabilities, reverse=True)[:5]
    assert [float(one.rstrip(" %")) for one in shown] == pytest.approx(
        [100 * share for share in expected], abs=0.1
    )
    heat = page.locator("img.heat:visible")
    assert heat.count() == 1
    frame, over = page.locator(".frame").bounding_box(), heat.bounding_box()
    assert [over[side] for side in ("x", "y", "width", "height")] == pytest.approx(
        [frame[side] for side in ("x", "y", "width", "height")], abs=1
    )
    assert page.evaluate("document.querySelector('img.heat').naturalWidth") == 32
    buttons = page.locator(".seen button").all_inner_texts()
    assert buttons == ["Hide where plain looks", "Show where unsure looks"]
    page.click("text=Hide where plain looks")
    assert page.locator("img.heat:visible").count() == 0
    page.click("text=Show where unsure looks")
    assert page.locator("img.heat:visible").count() == 1


def test_a_model_that_is_not_sure_says_what_it_may_be(page, models, photograph):
    drop(page, photograph)
    page.wait_for_selector("text=Done: 2 answers")
    (row,) = pycifar.predict(models["unsure"], photograph, "set")
    names = [n for n, inside in zip(models["unsure"].class_names, row, strict=True) if inside]
    assert len(names) > 1
    note = page.locator(".doubt").inner_text()
    assert note == f"Not sure: it may be {', '.join(names[:-1])} or {names[-1]}."


def test_the_table_is_saved_as_csv(page, models, photograph):
    drop(page, photograph)
    page.wait_for_selector("text=Done: 2 answers")
    with page.expect_download() as download:
        page.click("text=Save as CSV")
    assert download.value.suggested_filename == "predictions.csv"
    text = download.value.path().read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(row["model"] for row in rows) == ["plain", "unsure"]
    assert {row["picture"] for row in rows} == {photograph.name}
    for row in rows:
        expected = pycifar.predict(models[row["model"]], photograph, "prob")[0]
        found = [float(row[name]) for name in models["plain"].class_names]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_name_that_a_spreadsheet_would_compute_is_text(page, tmp_path):
    path = tmp_path / "=1+1.png"
    Image.new("RGB", (9, 9), "blue").save(path)
    drop(page, path)
    page.wait_for_selector("text=Done: 2 answers")
    assert page.evaluate("csv()").splitlines()[1].startswith("'=1+1.png,")


def test_a_file_that_is_no_picture_says_so(page, tmp_path):
    path = tmp_path / "<img src=x onerror=alert(1)>.png"
    path.write_text("no picture")
    drop(page, path)
    page.wait_for_selector("text=Done: 2 answers")
    assert "cannot be read" in page.locator(".answer >> nth=0").inner_text()
    assert page.locator("#rows td").first.inner_text() == path.name
    assert page.locator(".frame img").count() == 0


def test_the_keyboard_reaches_everything(page, photograph):
    # Playwright asks Chromium for choosers of files without waiting, so it must ask early.
    page.on("filechooser", lambda _: None)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.value"))
    for one in ("files", "open-camera", "explain", "plain", "unsure"):
        assert one in reached
    assert reached.index("files") == 0
    with page.expect_file_chooser() as chooser:
        page.focus("#files")
        page.keyboard.press("Enter")
    chooser.value.set_files(photograph)
    page.wait_for_selector("text=Done: 2 answers")
    page.focus("#save")
    with page.expect_download():
        page.keyboard.press("Enter")
    page.focus("#clear")
    page.keyboard.press("Enter")
    assert page.locator(".picture").count() == 0
    assert page.evaluate("document.activeElement.id") == "files"


def test_a_model_that_is_not_chosen_is_not_asked(page, photograph):
    page.uncheck("input[value=unsure]")
    page.uncheck("#explain")
    drop(page, photograph)
    page.wait_for_selector("text=Done: 1 answer.")
    assert page.locator(".answer h3").all_inner_texts() == ["plain"]
    assert page.locator("img.heat").count() == 0


def test_pictures_keep_their_order(page, tmp_path):
    files = [tmp_path / name for name in ("b.png", "a.png", "c.png")]
    for side, file in enumerate(files, 8):
        Image.new("RGB", (300 // side, side), "green").save(file)
    page.set_input_files("#files", files)
    page.wait_for_selector("text=Done: 6 answers")
    names = [file.name for file in files]
    assert page.locator(".picture .name").all_inner_texts() == names
    assert page.locator("#rows td:first-child").all_inner_texts() == [
        n for n in names for _ in "12"
    ]


@pytest.mark.parametrize("width", [400, 1200])
def test_long_names_take_lines_of_the_table(page, photograph, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 800})
    drop(page, photograph.rename(tmp_path / f"{'long-' * 8}name{photograph.suffix}"))
    page.wait_for_selector("text=Done: 2 answers")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    drop(page, text)
    page.wait_for_selector("text=Done: 4 answers")
    long = "Array(8).fill('horizontal_stripes')"  # classes that a picture may be of
    page.evaluate(f"state.rows.forEach((row) => (row.found.set = {long})); fillTable()")
    needs, has = page.locator(".scroll").evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert width < 1200 or needs <= has  # the end of each line is seen
    rows = page.evaluate("[...document.querySelectorAll('#rows tr')].map((r) => r.offsetHeight)")
    assert max(rows) < 125  # five lines


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_window_and_text_can_be_read(
    browser, server, photograph, tmp_path, width, scheme
):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(server.address)
    page.wait_for_selector("#models:not([hidden])")
    drop(page, photograph)
    page.wait_for_selector("text=Done: 2 answers")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    drop(page, text)
    page.wait_for_selector("text=Done: 4 answers")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    rows = page.evaluate("[...document.querySelectorAll('#rows tr')].map((r) => r.offsetHeight)")
    assert max(rows) < 100  # two lines of the name of a picture
    ratios = page.evaluate(
        """() => {
            const light = (colour) => {
                const [r, g, b] = colour.match(/[0-9.]+/g).slice(0, 3).map((value) => {
                    const part = value / 255;
                    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ground = (element) => {
                for (let one = element; one; one = one.parentElement) {
                    const colour = getComputedStyle(one).backgroundColor;
                    if (!/, 0\\)$/.test(colour)) return colour;
                }
                return getComputedStyle(document.documentElement).backgroundColor;
            };
            return [...document.querySelectorAll("h1, h2, p, button, li span, td, th, label")]
                .filter((one) => one.textContent.trim() && one.offsetParent)
                .map((one) => {
                    const pair = [light(getComputedStyle(one).color), light(ground(one))].sort();
                    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
                });
        }"""
    )
    assert min(ratios) >= 4.5  # WCAG 2.2, AA
    page.close()


def test_what_comes_after_all_was_cleared_is_not_shown(page, photograph):
    page.evaluate(
        """() => {
            const ask = window.fetch;
            const held = new Promise((resolve) => { window.release = resolve; });
            window.fetch = async (...arguments) => {
                const answer = await ask(...arguments);
                await held;
                return answer;
            };
        }"""
    )
    drop(page, photograph)
    page.evaluate("document.getElementById('clear').click()")
    drop(page, photograph)
    page.evaluate("release()")
    page.wait_for_selector("text=Done: 2 answers")
    assert page.locator("#rows tr").count() == 2
    assert page.locator("article").count() == 1


def test_a_camera_that_is_opened_twice_is_closed(page):
    page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.streams = [];
            navigator.mediaDevices.getUserMedia = async (what) => {
                const stream = await ask(what);
                window.streams.push(stream);
                return stream;
            };
            document.getElementById("open-camera").click();
            document.getElementById("open-camera").click();
        }"""
    )
    page.wait_for_selector("#shoot:visible")
    page.click("#close-camera")
    states = page.evaluate("streams.flatMap((s) => s.getTracks().map((t) => t.readyState))")
    assert states == ["ended"]
    assert page.locator("#open-camera").is_enabled()


def test_the_camera_takes_a_picture(page):
    page.click("#open-camera")
    page.wait_for_selector("#shoot:visible")
    page.click("#shoot")
    page.wait_for_selector("text=Done: 2 answers")
    assert page.locator("#rows td").first.inner_text().startswith("camera ")
    page.click("#close-camera")
    assert not page.locator("#camera").is_visible()
