"""What several tests share: a small network without zero weights, one thread (fastest for small tensors), a browser."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from diffusion_edu.networks import NETWORKS

torch.set_num_threads(1)
os.fsync = lambda file: None  # a slow disk must not slow the tests: no power cut is tested

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
PATIENCE = 120_000  # milliseconds


@pytest.fixture
def tiny():
    """A function that builds a small network: the same weights for the same seed, none of them zero."""

    def build(seed=0, network="attention_unet", **config):
        config = {"widths": (16, 32), "embedding": 16, **config}
        if network == "attention_unet":
            config = {"attention": (False, True), **config}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = NETWORKS[network](**config)
            with torch.no_grad():
                for weight in net.parameters():
                    weight.add_(0.05 * torch.randn_like(weight))  # zero-initialised weights become non-zero
        return net

    return build


class ConstantNetwork(nn.Module):
    """A network whose output is one number; it notes the timestep."""

    def __init__(self, number=0.0):
        super().__init__()
        self.number = nn.Parameter(torch.tensor(number))

    def forward(self, y, timestep, condition):
        self.timestep = timestep
        return self.number.expand_as(y)


@pytest.fixture(scope="session")
def address():
    """Serve the app on a free port, for all tests in a browser."""
    pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        assert not os.environ.get("CI"), "CI must have Chromium"
        pytest.skip("Chromium is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "-m",
        "streamlit",
        "run",
        "streamlit_app.py",
        "--server.headless",
        "true",
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    folders = {**os.environ, "DIFFUSION_EDU_FOLDERS": tempfile.gettempdir()}
    server = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=folders, **quiet)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests of a file."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def window(browser, address, **size):
    """A window with a session of its own; errors that the page throws fail the test."""
    page = browser.new_page(viewport=size, base_url=address)
    page.set_default_timeout(PATIENCE)
    thrown = []
    page.on("pageerror", lambda problem: thrown.append(str(problem)))
    yield page
    page.context.close()
    assert not thrown


@pytest.fixture
def page(address, browser):
    """A laptop's window."""
    with window(browser, address, width=1280, height=720) as page:
        yield page
