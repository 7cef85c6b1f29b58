"""The server: for this computer alone unless it is started for others, and then under known names only."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from diffusion_edu.app import server
from diffusion_edu.app.common.server_folders import FOLDERS

testclient = pytest.importorskip("starlette.testclient")
ROOT = Path(__file__).parents[2]


async def inner(scope, receive, send):
    """What is behind the guard."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return await send({"type": "websocket.close"})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    return await send({"type": "http.response.body", "body": b"in"})


def asked(path="/", host="localhost:8501", hosts=(*server.HERE, "*.school.example")):
    client = testclient.TestClient(server.Guard(inner, hosts), base_url="http://localhost")
    return client.get(path, headers={"host": host}).status_code


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8501", "LOCALHOST.", "127.0.0.1:1", "[::1]:8501", "a.school.example"]
)
def test_known_names_are_answered(host):
    assert asked(host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8501",
        "",
        "[",
        "127.0.0.1.evil.example",
        "school.example",
    ],
)
def test_other_names_are_not(host):
    assert asked(host=host) == 403


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/class/_stcore/metrics"])
def test_the_metrics_are_closed(path):
    assert asked(path) == 404 and asked("/_stcore/health") == 200


@pytest.mark.parametrize(
    ("host", "origin", "enters"),
    [
        ("localhost:8501", "http://localhost:8501", True),
        ("localhost:8501", None, True),
        ("localhost:8501", "http://evil.example", False),
        ("evil.example", "http://evil.example", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "http://[", False),
    ],
)
def test_pages_of_other_sites_cannot_open_a_session(host, origin, enters):
    headers = {"host": host, **({"origin": origin} if origin else {})}
    try:
        with testclient.TestClient(server.Guard(inner, server.HERE)).websocket_connect("/", headers=headers):
            assert enters
    except testclient.WebSocketDisconnect:
        assert not enters


def test_only_who_is_let_in_by_an_address_changes_the_names():
    assert server.known_hosts("localhost") == ["127.0.0.1", "::1", "localhost"]
    assert "lab.example" in server.known_hosts("localhost", ["Lab.example"])
    assert {"localhost", "10.1.2.3"} <= set(server.known_hosts("10.1.2.3"))
    others = set(server.known_hosts("0.0.0.0"))
    assert {"localhost", server.socket.gethostname().lower()} <= others and not others & {"0.0.0.0", "*", ""}


@pytest.fixture
def served(monkeypatch):
    """What the server would be started with."""
    started = {}
    monkeypatch.setattr(
        server,
        "App",
        lambda script, **options: type("Fake", (), {"run": lambda self, config: started.update(config)})(),
    )
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setitem(os.environ, FOLDERS, "")
    return started


def test_without_options_it_listens_on_this_computer(served):
    server.serve([])
    assert served == {"server.address": "localhost", "server.port": 8501, "server.allowedHosts": sorted(server.HERE)}
    assert not os.environ[FOLDERS] and sys.argv[0].endswith("streamlit_app.py")


def test_options_are_ours_or_those_of_streamlit(served, tmp_path):
    words = ["--address", "0.0.0.0", "--port", "9000", "--host", "lab.example", "--folders", str(tmp_path), str(ROOT)]
    server.serve([*words, "--server.headless", "true", "--theme.base=dark"])
    assert served["server.address"] == "0.0.0.0" and served["server.port"] == 9000
    assert "lab.example" in served["server.allowedHosts"]
    assert served["server.headless"] is True and served["theme.base"] == "dark"
    assert os.environ[FOLDERS] == os.pathsep.join([str(tmp_path), str(ROOT)])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--folders", "/no/such"], "no folder '/no/such'"),
        (["--prot", "8"], "--prot"),
        (["--port", "x"], "invalid"),
        (["y"], "y"),
    ],
)
def test_bad_options_end_in_one_sentence(words, sentence, served, capsys):
    with pytest.raises(SystemExit):
        server.serve(words)
    assert sentence in capsys.readouterr().err and not served


def test_streamlit_run_listens_on_this_computer_too():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["server"]
    assert config["address"] == "localhost" and sorted(config["allowedHosts"]) == sorted(server.HERE)


def test_a_server_that_is_started_answers_here_alone():
    code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
    port = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.strip()
    words = ["-m", "diffusion_edu.app.server", "--port", port, "--server.headless", "true"]
    running = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = ""
        while "Answers under" not in said:
            line = running.stdout.readline()
            assert line, said
            said += line
        assert "127.0.0.1, ::1, localhost" in said and "Network URL" not in said
    finally:
        running.kill()
        running.wait()
