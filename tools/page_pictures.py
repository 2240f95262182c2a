"""Take the pictures of the page of `pycifar serve` for the documentation.

    python -m tools.page_pictures    # docs/python/guides/page-*.png, man/figures/README-page.png

Needs Chromium, as Debian's package `chromium`. The photographs in the pictures are drawn here.
"""

from __future__ import annotations

import io
import math
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import sync_playwright

import pycifar

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "docs/python/guides"
IN_README = ROOT / "man/figures/README-page.png"  # the R package has this folder alone
WIDTHS = (1200, 400)  # pixels
SCHEMES = ("light", "dark")


def main() -> None:
    """Serve a model, and take a picture of each width and colour scheme."""
    model = pycifar.load_model("fastnet-cifar10")
    with TemporaryDirectory() as folder:
        photographs = draw(Path(folder))
        with pycifar.serve({"fastnet-cifar10": model}, port=0, wait=False) as server:
            take(server.address, photographs)


def take(address: str, photographs: list[Path]) -> None:
    """Take the pictures of the page at an address."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for width in WIDTHS:
            for scheme in SCHEMES:
                page = browser.new_page(
                    viewport={"width": width, "height": 900},
                    color_scheme=scheme,  # type: ignore[arg-type]
                )
                page.goto(address)
                page.set_input_files("#files", photographs)
                page.wait_for_selector("text=Done: 2 answers")
                page.wait_for_timeout(500)  # until the bars have grown
                save(page.screenshot(full_page=True), PLACE / f"page-{width}-{scheme}.png")
                page.close()
        browser.close()
    shutil.copyfile(PLACE / "page-1200-light.png", IN_README)


def save(picture: bytes, path: Path) -> None:
    """Write a picture with as many colours as it needs, in a third of the bytes."""
    with Image.open(io.BytesIO(picture)) as opened:
        opened.convert("RGB").quantize(200).save(path, optimize=True)


def draw(folder: Path) -> list[Path]:
    """Draw a ship at sea and a car on a road; return the files."""
    files = [folder / "harbour.jpg", folder / "street.jpg"]
    for file, picture in zip(files, (ship(), car()), strict=True):
        picture.filter(ImageFilter.GaussianBlur(2)).save(file, quality=92)
    return files


def ground(top: tuple[int, int, int], middle: tuple[int, int, int], below: str) -> Image.Image:
    """Return a sky that grows lighter to the horizon, above a plain of one colour."""
    picture = Image.new("RGB", (480, 360), below)
    pen = ImageDraw.Draw(picture)
    for y in range(210):
        share = y / 210
        colour = tuple(round(a + share * (b - a)) for a, b in zip(top, middle, strict=True))
        pen.line([(0, y), (480, y)], colour)
    return picture


def ship() -> Image.Image:
    """Return a drawn freighter."""
    picture = ground((96, 150, 200), (205, 220, 228), "#3f6f8c")
    pen = ImageDraw.Draw(picture)
    for x in range(0, 480, 6):
        y = 250 + 30 * math.sin(x * 1.7) + 60 * (x % 5) / 5
        pen.line([(x, y), (x + 22, y)], "#5c8aa5", 2)
    pen.polygon([(60, 200), (420, 200), (385, 262), (95, 262)], "#7a2b2b")
    pen.rectangle((60, 190, 420, 204), "#d9d4c8")
    pen.rectangle((300, 120, 385, 192), "#e9e6dd")
    pen.rectangle((320, 88, 348, 122), "#c8642f")
    for x in range(308, 380, 18):
        pen.rectangle((x, 134, x + 10, 144), "#33485a")
    pen.line([(150, 190), (150, 96)], "#4a4f52", 5)
    pen.line([(150, 100), (230, 188)], "#4a4f52", 3)
    return picture


def car() -> Image.Image:
    """Return a drawn car."""
    picture = ground((140, 170, 195), (222, 222, 214), "#77797b")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 150, 480, 212), "#9a8f7d")
    for x in range(0, 480, 62):
        pen.rectangle((x, 96 + (x % 4) * 9, x + 50, 212), "#a79a86" if x % 3 else "#8d8474")
    pen.ellipse((70, 262, 420, 300), "#4d4f50")
    pen.rounded_rectangle((70, 196, 412, 272), 26, "#b3231f")
    pen.polygon([(130, 202), (176, 144), (310, 144), (362, 202)], "#b3231f")
    pen.polygon([(150, 198), (184, 154), (238, 154), (238, 198)], "#2a3a46")
    pen.polygon([(248, 198), (248, 154), (304, 154), (340, 198)], "#2a3a46")
    for x in (134, 346):
        pen.ellipse((x - 36, 234, x + 36, 306), "#1c1c1e")
        pen.ellipse((x - 17, 253, x + 17, 287), "#b9bcc0")
    pen.ellipse((392, 214, 412, 232), "#f5e6a8")
    return picture


if __name__ == "__main__":
    main()
