"""The server: for this computer alone unless it is started for others, and then under known names only."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from diffusion_edu.app import server
from diffusion_edu.app.common.server_folders import FOLDERS, open_folders

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
        "evil@localhost",
        "evil@localhost:8501",
        "localhost:8501:8501",
        "localhost:x",
        "localhost:99999",
        "localhost/",
        "localhost?a",
        "localhost evil.example",
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
        ("localhost:8614", "http://localhost:9999", False),
        ("localhost:8614", "http://localhost", False),
        ("localhost:8614", "http://127.0.0.1:8614", False),
        ("localhost", "http://localhost:80", True),
        ("localhost", "https://localhost:443", True),
        ("LOCALHOST:8501", "http://localhost:8501", True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("localhost:8501", "http://evil@localhost:8501", False),
        ("evil@localhost:8501", None, False),
        ("localhost:8501", "", False),
        ("lab.example", "https://lab.example", True),
        ("localhost:8501", "https://lab.example", True),
        ("lab.example:8501", "https://lab.example:8443", True),
        ("lab.example:8501", "http://localhost:8501", False),
    ],
)
def test_pages_of_other_sites_cannot_open_a_session(host, origin, enters):
    headers = {"host": host, **({} if origin is None else {"origin": origin})}
    guard = server.Guard(inner, (*server.HERE, "lab.example"), proxies=["lab.example"])
    try:
        with testclient.TestClient(guard).websocket_connect("/", headers=headers):
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
    monkeypatch.setattr(server, "check_place", lambda address, port: None)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setitem(os.environ, FOLDERS, "")
    return started


def test_without_options_it_listens_on_this_computer(served):
    server.serve([])
    assert served == {
        "server.address": "localhost",
        "server.port": 8501,
        "server.allowedHosts": sorted(server.HERE),
        "server.corsAllowedOrigins": [],
    }
    assert not os.environ[FOLDERS] and sys.argv[0].endswith("streamlit_app.py")


def test_options_are_ours_or_those_of_streamlit(served, tmp_path):
    words = ["--address", "0.0.0.0", "--port", "9000", "--host", "lab.example", "--folders", str(tmp_path), str(ROOT)]
    server.serve([*words, "--server.headless", "true", "--theme.base=dark"])
    assert served["server.address"] == "0.0.0.0" and served["server.port"] == 9000
    assert "lab.example" in served["server.allowedHosts"]
    assert served["server.corsAllowedOrigins"] == ["https://lab.example"]
    assert served["server.headless"] is True and served["theme.base"] == "dark"
    assert open_folders() == [tmp_path, ROOT]


def test_the_options_of_streamlit_for_place_and_names_are_ours(served):
    server.serve(["--server.address", "0.0.0.0", "--server.port=9000", "--server.allowedHosts", "lab.example"])
    assert (served["server.address"], served["server.port"]) == ("0.0.0.0", 9000)
    assert {"lab.example", server.socket.gethostname().lower()} <= set(served["server.allowedHosts"])


def test_a_folder_may_have_any_name(served, tmp_path):
    names = [f"a{os.pathsep}b", "a", "b ", "Größe"]
    for name in names:
        (tmp_path / name).mkdir()
    server.serve(["--folders", *(str(tmp_path / name) for name in names)])
    assert open_folders() == [tmp_path / name for name in names]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("http://x.org:80/", "x.org"),
        ("https://Pc7.School.example/app?x", "pc7.school.example"),
        ("x.org:8501", "x.org"),
        ("x.org/", "x.org"),
        ("x.org.", "x.org"),
        ("*.school.example", "*.school.example"),
        ("http://[fe80::1]:8501", "fe80::1"),
        ("fe80::1", "fe80::1"),
        ("10.1.2.3", "10.1.2.3"),
    ],
)
def test_of_an_address_the_name_counts(word, name, served):
    server.serve(["--host", word])
    assert name in served["server.allowedHosts"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--folders", "/no/such"], "no folder '/no/such'"),
        (["--prot", "8"], "--prot"),
        *[(["--port", port], f"{port!r} is no port") for port in ("x", "-1", "0", "65536", "99999", "8501.0", "")],
        (["--server.port", "abc"], "--server.port: 'abc' is no port"),
        (["--server.nosuch", "3"], "unknown option --server.nosuch"),
        (["--server.headless"], "--server.headless needs a value"),
        (["--server.headless", "maybe"], "--server.headless is true or false, not 'maybe'"),
        (["--server.maxUploadSize", "much"], "--server.maxUploadSize is a whole number, not 'much'"),
        (["--server.cookieSecret", "x"], "--server.cookieSecret is a secret"),
        *[(["--host", host], f"{host!r} is no name") for host in ("", "http://", "a b", "evil@x.org", "[", "x.org:x")],
        (["--server.allowedHosts", '["a"]'], "--server.allowedHosts: '[\"a\"]' is no name"),
        (["--folders", ""], "no folder ''"),
        (["--folders", "~nobody/x"], "no folder '~nobody/x'"),
        (["y"], "y"),
    ],
)
def test_bad_options_end_in_one_sentence(words, sentence, served, capsys):
    with pytest.raises(SystemExit):
        server.serve(words)
    assert sentence in capsys.readouterr().err and not served


def test_what_streamlit_refuses_ends_in_one_sentence(monkeypatch, served):
    def refuse(self, config):
        raise RuntimeError("Invalid value for server.xsrfCookieSameSite.\n")

    monkeypatch.setattr(server, "App", lambda script, **options: type("Fake", (), {"run": refuse})())
    with pytest.raises(ValueError, match="server.xsrfCookieSameSite"):
        server.serve([])


@pytest.mark.parametrize(
    "address", ["nosuch.invalid", "192.0.2.1", "", "http://localhost", "[::1]", "a..b", "localhost:8501"]
)
def test_an_address_of_elsewhere_is_refused(address):
    with pytest.raises(ValueError, match="This computer has no address .*: use --address localhost or"):
        server.check_place(address, 8501)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_refused(address):
    with server.socket.socket() as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=f"Port {port} is in use: .*try --port"):
            server.check_place(address, port)
    server.check_place(address, port)


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
