"""The explorer's page, served or from a file: every control is used, and its effect checked."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from entropae.explorer import Space
from entropae.model import PATHS

from browser import console, overflow, screenshot, view

CLOSE = {"atol": 1e-3, "rtol": 0}  # what the page and Python may differ by
FOCUSABLE = "button:enabled, input:enabled, select:enabled, summary, canvas[tabindex]"


class Page:
    """The page in a browser, beside the model it shows."""

    def __init__(self, driver: Chrome, address: str, space: Space) -> None:
        self.driver = driver
        self.space = space
        view(driver, 1280, 1000)
        driver.get(address)
        self.settle("return document.querySelectorAll('#neighbours .tile').length === 8")
        self.settle("return map.thumbnails !== null || map.space.thumbnails === null")

    def settle(self, until: str = "return true") -> None:
        """Wait until the page has done what it was asked."""

        def settled(driver: Chrome) -> bool:
            busy = "return document.getElementById('main').getAttribute('aria-busy')"
            return driver.execute_script(busy) == "false" and driver.execute_script(until)

        WebDriverWait(self.driver, 20, 0.02).until(settled)

    def __getitem__(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def run(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def tiles(self, strip: str) -> list[WebElement]:
        return self[strip].find_elements(By.CSS_SELECTOR, ".tile")

    def click(self, name: str) -> None:
        self[name].click()
        self.settle()

    def keys(self, name: str, *keys: str, shift: bool = False) -> None:
        self.driver.execute_script("arguments[0].focus()", self[name])
        chain = ActionChains(self.driver)
        chain = chain.key_down(Keys.SHIFT) if shift else chain
        chain = chain.send_keys(*keys)
        (chain.key_up(Keys.SHIFT) if shift else chain).perform()
        self.settle()

    def png(self, name: str) -> bytes:
        """What is on a canvas."""
        return base64.b64decode(self.run(f"element('{name}').toDataURL()").partition(",")[2])

    @property
    def code(self) -> torch.Tensor:
        return torch.tensor(self.run("Array.from(state.code)"), dtype=torch.float64)

    @property
    def message(self) -> str:
        return self["message"].text

    def check(self, code: torch.Tensor | None = None) -> None:
        """What is shown is the code asked for, decoded as Python decodes it, and its neighbours."""
        if code is not None:
            torch.testing.assert_close(self.code, code.to(self.code), atol=1e-5, rtol=1e-5)
        assert self.message == ""
        z = self.code.float()
        expected = self.space.decode(z[None])[0].flatten()
        shown = torch.tensor(self.run("Array.from(state.values)"))
        torch.testing.assert_close(shown, expected, **CLOSE)
        if self.space.samples.kind.view == "image":
            painted = Image.open(io.BytesIO(self.png("picture"))).convert("RGB")
            pixels = np.asarray(painted).transpose(2, 0, 1) / 255
            wanted = expected.unflatten(0, self.space.samples.shape).clamp(0, 1).numpy()
            assert pixels.shape[1:] == wanted.shape[1:]
            assert np.abs(pixels - wanted).max() < 0.6 / 255, "what is painted is another"
        _, distance = self.space.neighbours(z, 8)
        captions = self.run("[...element('neighbours').children].map((tile) => tile.textContent)")
        np.testing.assert_allclose([float(text) for text in captions], distance, atol=0.006)

    def quiet(self) -> None:
        """Nothing is in the console."""
        assert (log := console(self.driver)) == [], log


def use_every_control(page: Page, folder: Path) -> None:
    """All of them, one after another."""
    page.check(page.space.codes[page.space.on_map[page.space.start]])
    for use in (sliders, map_by_pointer, map_by_keys, axes, walk, neighbours, priors):
        use(page)
        page.quiet()
    upload(page, folder)
    page["numbers"].find_element(By.XPATH, "./..").find_element(By.TAG_NAME, "summary").click()
    assert page["numbers"].text.startswith(f"code {page.code[0]:.3f}")
    page.quiet()


def along(space: Space, code: torch.Tensor) -> np.ndarray:
    """Coordinates of a code along the principal axes, in standard deviations."""
    axes = space.axes
    return (axes.vectors @ (code.double().numpy() - axes.mean)) / axes.scales


def sliders(page: Page) -> None:
    page.click("mean")
    expected = np.zeros(len(page.space.axes.scales))
    for a in range(len(expected)):
        page.keys(f"slider-{a + 1}", *[Keys.PAGE_UP] * (a % 3 + 1), Keys.ARROW_RIGHT)
        expected[a] = float(page[f"slider-{a + 1}"].get_attribute("value"))
        assert expected[a] > 0.01
        np.testing.assert_allclose(along(page.space, page.code), expected, atol=1e-6)
        page.check()
        told = page[f"slider-{a + 1}"].get_attribute("aria-valuetext")
        assert told == f"{expected[a]:.2f} standard deviations"


def place(page: Page, u: float, v: float) -> tuple[int, int]:
    """Of a point in standard deviations, from the canvas's centre, in whole pixels."""
    x, y = page.run(f"map.pixel([{u}, {v}])")
    size = page["map"].rect
    return round(x - size["width"] / 2), round(y - size["height"] / 2)


def map_by_pointer(page: Page) -> None:
    canvas = page["map"]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    page.click("mean")
    size = canvas.rect
    corner = (round(0.47 * size["width"]), round(-0.45 * size["height"]))  # where no sample is
    ActionChains(page.driver).move_to_element_with_offset(canvas, *corner).click().perform()
    page.settle()
    u, v = page.run(f"map.world({size['width'] / 2 + corner[0]}, {size['height'] / 2 + corner[1]})")
    near = along(page.space, page.code)
    np.testing.assert_allclose(near[:2], [u, v], atol=0.1)
    np.testing.assert_allclose(near[2:], 0, atol=1e-6)
    page.check()
    # Thumbnails: a click takes the sample's code, a drag from one to another walks between them.
    boxes = page.run("map.shown.map((box) => [box.i, box.x, box.y])")
    (i, *at), (j, *to) = boxes[0], boxes[-1]
    ends = page.space.codes[page.space.on_map[[i, j]]]
    offset = [(round(x - size["width"] / 2), round(y - size["height"] / 2)) for x, y in (at, to)]
    ActionChains(page.driver).move_to_element_with_offset(canvas, *offset[0]).click().perform()
    page.settle()
    page.check(ends[0])
    assert page.tiles("neighbours")[0].text == "0.00"
    ActionChains(page.driver).move_to_element_with_offset(
        canvas, *offset[0]
    ).click_and_hold().move_to_element_with_offset(canvas, *offset[1]).release().perform()
    page.settle("return document.querySelectorAll('#walk .tile').length === 9")
    middle = PATHS["spherical"](ends[:1].double(), ends[1:].double(), torch.tensor(0.5))[0]
    page.check(middle)
    for name, end in zip(("start", "end"), ends, strict=True):
        torch.testing.assert_close(torch.tensor(page.run(f"Array.from(state.{name})")).to(end), end)
    half = page.run("map.view.half")
    origin = ScrollOrigin.from_element(canvas, 0, 0)
    ActionChains(page.driver).scroll_from_origin(origin, 0, -100).perform()
    WebDriverWait(page.driver, 5).until(lambda _: page.run("map.view.half") < half)
    page.click("zoom-all")
    page.click("zoom-in")
    assert page.run("map.view.half") < half
    page.click("zoom-out")
    page.click("zoom-out")
    assert page.run("map.view.half") > half
    page.click("zoom-all")
    assert page.run("map.view.half") == half


def map_by_keys(page: Page) -> None:
    page.click("mean")
    half = page.run("map.view.half")
    page.keys("map", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_UP)
    np.testing.assert_allclose(along(page.space, page.code)[:2], [0.06 * half, 0.03 * half])
    page.check()
    page.keys("map", "s")
    start = page.code
    page.keys("map", Keys.ARROW_LEFT, Keys.ARROW_DOWN, shift=True)
    np.testing.assert_allclose(
        along(page.space, page.code)[:2], [-0.06 * half, -0.09 * half], rtol=1e-6
    )
    page.keys("map", "e")
    page.settle("return document.querySelectorAll('#walk .tile').length === 9")
    assert page.run("Array.from(state.start)") == start.tolist()
    page.keys("map", Keys.ENTER)
    taken = (page.space.codes.double() - page.code).norm(dim=1).min()
    assert float(taken) < 1e-5
    page.keys("map", "+")
    assert page.run("map.view.half") < half
    page.keys("map", "-", "-")
    assert page.run("map.view.half") > half
    page.keys("map", *["+"] * 8, *[Keys.ARROW_LEFT] * 9, shift=True)
    x, y = page.run("map.pixel(map.marks.current)")
    size = page["map"].rect
    assert 0 <= x <= size["width"], "the view follows"
    assert 0 <= y <= size["height"]
    page.keys("map", "0")
    assert page.run("map.view.half") == half
    page.check()


def axes(page: Page) -> None:
    before = page.code
    many = len(page.space.axes.scales)
    for x, y in ((many - 1, 0), (1, 1), (0, 1)):
        Select(page["axis-x"]).select_by_index(x)
        Select(page["axis-y"]).select_by_index(y)
        assert page.run("map.axes") == [x, y]
        shown = page.space.codes[page.space.on_map[3]]
        np.testing.assert_allclose(
            page.run("map.points[3]"), along(page.space, shown)[[x, y]], atol=1e-5
        )
    assert torch.equal(page.code, before)


def walk(page: Page) -> None:
    page.click("as-start")
    start = page.code
    page.keys("slider-1", Keys.HOME)
    page.click("as-end")
    end = page.code
    for key, t in ((Keys.HOME, 0.0), (Keys.END, 1.0), (Keys.ARROW_LEFT, 0.99)):
        page.keys("place", key)
        expected = PATHS["spherical"](start[None], end[None], torch.tensor(t))[0]
        page.check(expected)
        assert page["place-value"].text == f"{100 * t:.0f} %"
    page.tiles("walk")[4].click()
    page.settle()
    page.check(PATHS["spherical"](start[None], end[None], torch.tensor(0.5))[0])


def neighbours(page: Page) -> None:
    index, _ = page.space.neighbours(page.code.float(), 8)
    page.tiles("neighbours")[3].send_keys(Keys.ENTER)
    page.settle()
    page.check(page.space.codes[index[3]])
    assert page.run("document.activeElement.className").startswith("tile"), "focus was lost"


def priors(page: Page) -> None:
    choice = Select(page["prior"])
    names = [option.get_attribute("value") for option in choice.options]
    assert names == list(page.space.model.priors)
    for name in names:
        choice.select_by_value(name)
        before = page.code
        page.click("draw")
        assert len(page.tiles("drawn")) == 12
        assert not torch.equal(page.code, before)
        page.check()
    page.tiles("drawn")[5].click()
    page.settle()
    page.check()


def upload(page: Page, folder: Path) -> None:
    channels, height, width = page.space.samples.shape
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    path = folder / "mine.png"
    Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels).save(path)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    for image in (x, 1 - x):
        page["upload"].send_keys(str(path))
        page.settle("return document.querySelectorAll('#uploaded .tile').length === 2")
        code = page.space.encode(image)[0]
        torch.testing.assert_close(page.code.float(), code, **CLOSE)
        page.check()
        error = float((page.space.decode(code[None]) - image).square().mean())
        captions = [tile.text for tile in page.tiles("uploaded")]
        assert captions == ["as seen", f"error {error:.4f}"]
        page.click("invert")
    page.quiet()
    drop(page, path)
    torch.testing.assert_close(page.code.float(), page.space.encode(x)[0], **CLOSE)
    bad = folder / "bad.png"
    bad.write_bytes(b"\x89PNG, but no more")
    page["upload"].send_keys(str(bad))
    page.settle("return !element('message').hidden")
    assert "cannot be read" in page.message
    large = folder / "large.png"
    large.write_bytes(bytes((1 << 24) + 1))
    page["upload"].send_keys(str(large))
    page.settle("return element('message').textContent.includes('MiB')")
    page.click("mean")
    page.check()
    # The browser itself notes what the server refuses.
    log = console(page.driver)
    assert all("api/encode" in one and "status of 400" in one for one in log), log


def drop(page: Page, path: Path) -> None:
    """Drop a file on the page, as a file manager would."""
    page.click("mean")
    content = base64.b64encode(path.read_bytes()).decode()
    page.driver.execute_script(
        """
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytesOf(arguments[0])], "dropped.png"));
        for (const kind of ["dragover", "dragleave", "dragover", "drop"]) {
          element("upload-section").dispatchEvent(new DragEvent(kind, { dataTransfer }));
        }
        """,
        content,
    )
    page.settle("return element('status').textContent.startsWith('Your image')")
    assert page["uploaded"].get_attribute("class") == "strip"


def reached_by_keys(page: Page) -> None:
    """Tab comes by every control, each is seen to have the focus, and each has a name."""
    wanted = page.driver.find_elements(By.CSS_SELECTOR, FOCUSABLE)
    wanted = [one for one in wanted if one.is_displayed()]
    assert len(wanted) > 20
    for one in wanted:
        assert one.accessible_name, one.get_attribute("outerHTML")
    page.driver.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = set()
    for _ in range(len(wanted) + 5):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        focused = page.driver.switch_to.active_element
        reached.add(focused)
        if focused in wanted:
            assert focused.value_of_css_property("outline-style") == "solid"
    missing = [one.get_attribute("outerHTML")[:80] for one in set(wanted) - reached]
    assert not missing


def looked_at(page: Page, folder: Path) -> None:
    """It fits a phone and a desk, light and dark; the pictures are kept to be looked at."""
    for scheme in ("light", "dark"):
        for width in (360, 1280):
            view(page.driver, width, 1000, scheme)
            page.settle("return new Promise((done) => requestAnimationFrame(() => done(true)))")
            assert overflow(page.driver) == 0
            path = folder / f"{scheme}-{width}.png"
            screenshot(page.driver, path)
            with Image.open(path) as picture:
                shown = np.asarray(picture.convert("L")).astype(float)
            assert (np.median(shown) > 128) == (scheme == "light")
            assert shown.std() > 10


def contrast(style: str) -> dict[str, float]:
    """WCAG's contrast of every ink on every ground, of both schemes."""
    found = {}
    for scheme, block in zip(("light", "dark"), style.split(":root {")[1:], strict=False):
        names = [part.split(":") for part in block.split("}")[0].split(";") if "--" in part]
        colours = {name.strip(): luminance(value.strip()) for name, value in names}
        for ink in ("--ink", "--soft", "--accent", "--other"):
            for ground in ("--ground", "--panel"):
                dark, light = sorted([colours[ink], colours[ground]])
                found[json.dumps([scheme, ink, ground])] = (light + 0.05) / (dark + 0.05)
    return found


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2.2)."""
    s = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
