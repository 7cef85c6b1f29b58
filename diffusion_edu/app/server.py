"""The server of the explorer: for this computer alone or, with --address, for others, under known names only.

A page of another site that a visitor has open can neither talk to it nor pretend to be it (DNS rebinding).
"""

import argparse
import os
import socket
import sys
import tomllib
import webbrowser
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from streamlit import config
from streamlit.starlette import App

from diffusion_edu.app.common.server_folders import FOLDERS
from diffusion_edu.paths import EXPLORER

HERE = ("localhost", "127.0.0.1", "::1")
METRICS = "/_stcore/metrics"  # how many people and how much memory: nobody's business
UNKNOWN = "This app does not answer under the name {!r}. Whoever runs it can add it: diffusion-edu app --host NAME."


def parse(words):
    """Read the command line: our options, and Streamlit's as {option: value}; a bad one ends the program."""
    parser = argparse.ArgumentParser(
        prog="diffusion-edu app",
        description="Open the explorer in a browser. Other options are Streamlit's: --server.maxUploadSize 5.",
    )
    words_of_address = "where it listens: 0.0.0.0 lets other computers in (default: %(default)s)"
    parser.add_argument("--address", default="localhost", help=words_of_address)
    parser.add_argument("--port", type=int, default=8501, help="default: %(default)s")
    parser.add_argument(
        "--host", action="append", default=[], help="a further name of this computer that visitors may use"
    )
    parser.add_argument(
        "--folders", nargs="+", default=[], type=_folder, help="folders whose images and files visitors may name"
    )
    args, others = parser.parse_known_args(words)
    options = {}
    pairs = [part for word in others for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for name, value in zip(pairs[::2], [*pairs[1::2], None], strict=False):
        if not name.startswith("--") or "." not in name or value is None:
            parser.error(f"unknown option {name}: see --help")
        options[name.removeprefix("--")] = _value(value)
    return args, options


def _folder(text):
    path = Path(text).expanduser().resolve()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return str(path)


def _value(text):
    """Read a value as config.toml would, for example true, 8502 or ["a"], and else as a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def known_hosts(address, more=()):
    """List the names that this computer is reached by, at an address that it listens at; and more."""
    found = [*HERE, *more]
    if address not in HERE:
        name = socket.gethostname()
        found += [address, name, socket.getfqdn(), f"{name}.local"]
        with suppress(OSError):
            found += [place[4][0] for place in socket.getaddrinfo(name, None)]
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
            outward.connect(("192.0.2.1", 9))  # sends nothing, but chooses the network that leads there
            found.append(outward.getsockname()[0])
    return sorted({each.lower() for each in found} - {"0.0.0.0", "::", ""})


class Guard:
    """Answer requests under known names only, and none for the server's metrics."""

    def __init__(self, app, hosts):
        self.app, self.hosts = app, hosts

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            name = _name(Headers(scope=scope).get("host", ""))
            if not self.knows(name):
                return await PlainTextResponse(UNKNOWN.format(name), 403)(scope, receive, send)
            if scope["path"].rstrip("/").endswith(METRICS):
                return await PlainTextResponse("Not found", 404)(scope, receive, send)
        if scope["type"] == "websocket":
            headers = Headers(scope=scope)
            origin = headers.get("origin")  # browsers say which page asks; other programs may leave it out
            names = [_name(headers.get("host", "")), *([_name(origin.partition("://")[2])] if origin else [])]
            if not all(map(self.knows, names)):
                return await send({"type": "websocket.close", "code": 1008})
        return await self.app(scope, receive, send)

    def knows(self, name):
        """Say whether a name is one of ours."""
        return any(fnmatch(name, host) for host in self.hosts)


def _name(host):
    """Take the port off a host, and what brackets an IPv6 address has; "" for what is no host."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def serve(words):
    """Serve the explorer until it is stopped."""
    args, options = parse(words)
    if args.folders:
        os.environ[FOLDERS] = os.pathsep.join(args.folders)
    hosts, script = known_hosts(args.address, args.host), EXPLORER / "streamlit_app.py"
    options = {"server.address": args.address, "server.port": args.port, "server.allowedHosts": hosts} | options
    sys.argv = [str(script)]  # config.toml is found beside it
    App(script, middleware=[Middleware(Guard, hosts=hosts)], lifespan=_opening).run(config=options)


@asynccontextmanager
async def _opening(app):
    """Open a browser once the server is there, and tell who else may come."""
    if not config.get_option("server.headless"):
        webbrowser.open(f"http://localhost:{config.get_option('server.port')}")
    print(f"Answers under the names {', '.join(config.get_option('server.allowedHosts'))}", flush=True)
    yield


if __name__ == "__main__":
    serve(sys.argv[1:])
