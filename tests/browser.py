"""A real browser without a window: Debian's Chromium, driven with Selenium."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = ("--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-gpu")


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A headless Chromium; the test is skipped where there is none."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("No chromium and chromedriver: apt-get install chromium chromium-driver.")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    page = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield page
    finally:
        page.quit()


def console(page: webdriver.Chrome) -> list[str]:
    """What was written to the console since last asked, errors and all else."""
    return [entry["message"] for entry in page.get_log("browser")]


def requested(page: webdriver.Chrome) -> list[str]:
    """Addresses asked for since last asked, but those within the page (data:, blob:)."""
    messages = (json.loads(entry["message"])["message"] for entry in page.get_log("performance"))
    addresses = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in addresses if not address.startswith(("data:", "blob:"))]


def view(page: webdriver.Chrome, width: int, height: int, scheme: str = "light") -> None:
    """Give the page so many pixels, fewer than a window may have too, in light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def overflow(page: webdriver.Chrome) -> int:
    """Pixels by which the page is wider than the window."""
    script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.execute_script(script))


def screenshot(page: webdriver.Chrome, path: Path) -> None:
    """Write the whole page as a PNG, below the window's edge too."""
    asked = {"format": "png", "captureBeyondViewport": True}
    path.write_bytes(
        base64.b64decode(page.execute_cdp_cmd("Page.captureScreenshot", asked)["data"])
    )
