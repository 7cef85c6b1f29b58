"""The server of the explorer: for this computer alone or, with --address, for others, under known names only.

A page of another site that a visitor has open can neither talk to it nor pretend to be it (DNS rebinding).
"""

import argparse
import errno
import os
import re
import socket
import sys
import tomllib
import webbrowser
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatch
from ipaddress import ip_address
from pathlib import Path

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
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([*\w.-]*?[*\w-])\.?)(?::(\d{1,5}))?", re.ASCII)  # [IPv6] or a name, port
PORTS = {"http": 80, "https": 443}


def parse(words):
    """Read the command line: our options, and Streamlit's as {option: value}; a bad one ends the program."""
    parser = argparse.ArgumentParser(
        prog="diffusion-edu app",
        description="Open the explorer in a browser. Other options are Streamlit's: --server.maxUploadSize 5.",
    )
    words_of_address = "where it listens: 0.0.0.0 lets other computers in (default: %(default)s)"
    parser.add_argument("--address", "--server.address", default="localhost", help=words_of_address)
    parser.add_argument("--port", "--server.port", type=_port, default=8501, help="default: %(default)s")
    words_of_host = "a further name of this computer that visitors may use"
    parser.add_argument("--host", "--server.allowedHosts", action="append", type=_host, default=[], help=words_of_host)
    parser.add_argument(
        "--folders", nargs="+", default=[], type=_folder, help="folders whose images and files visitors may name"
    )
    args, others = parser.parse_known_args(words)
    options = {}
    pairs = [part for word in others for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for name, text in zip(pairs[::2], [*pairs[1::2], None], strict=False):
        try:
            options[name.removeprefix("--")] = _option(name, text)
        except ValueError as problem:
            parser.error(str(problem))
    return args, options


def _port(text):
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a whole number from 1 to 65535")
    return int(text)


def _host(text):
    """Reduce an address such as http://pc7.school.example:80/ to the name."""
    with suppress(ValueError):
        return str(ip_address(text))
    name, _ = _name_and_port(text.partition("://")[2].partition("/")[0] or text.rstrip("/"))
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a computer: write it as pc7.school.example")
    return name


def _folder(text):
    with suppress(OSError, RuntimeError):  # a home that nobody has, links in a circle
        path = Path(text).expanduser().resolve()
        if text and path.is_dir():
            if "\n" in str(path):
                raise argparse.ArgumentTypeError(f"the name of {str(path)!r} has a line break: rename the folder")
            return str(path)
    raise argparse.ArgumentTypeError(f"there is no folder {text!r}")


def _option(name, text):
    """Read the value of an option of Streamlit as config.toml would: true, 8502 or ["a"]; raises ValueError."""
    option = config._config_options_template.get(name[2:]) if name.startswith("--") else None
    if option is None or text is None:
        raise ValueError(f"unknown option {name}: see --help" if option is None else f"{name} needs a value")
    if option.sensitive:
        raise ValueError(f"{name} is a secret: set it in the environment variable {option.env_var}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    words = {bool: "true or false", int: "a whole number", float: "a number", list: 'a list such as ["a"]'}
    wanted = list if option.multiple else option.type
    fits = type(value) in ((int, float) if wanted is float else (wanted,))
    if wanted in words and not fits:
        raise ValueError(f"{name} is {words[wanted]}, not {text!r}")
    return value


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


def check_place(address, port):
    """Raise ValueError, in one sentence, if nothing can listen at an address and port."""
    try:
        if not address:
            raise OSError(errno.EADDRNOTAVAIL, "empty")
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as trial:
            if os.name != "nt":  # as the server does: there it would share a port that is in use
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address, port))
            trial.listen()
    except (OSError, UnicodeError) as problem:
        another = port + 1 if 1024 <= port < 65535 else 8501
        reasons = {
            errno.EADDRINUSE: f"Port {port} is in use: stop the program that uses it, or try --port {another}",
            errno.EACCES: f"This account may not open port {port}: try --port {another}",
        }
        nowhere = f"This computer has no address {address!r}: use --address localhost or --address 0.0.0.0"
        raise ValueError(reasons.get(getattr(problem, "errno", None), nowhere)) from problem


class Guard:
    """Answer requests under known names only, and none for the server's metrics.

    A page may open a session if it has the same name and port as the server; if it has one of the names in proxies,
    with any port: there a proxy may change what the server sees.
    """

    def __init__(self, app, hosts, proxies=()):
        self.app, self.hosts, self.proxies = app, hosts, proxies

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            if not _among(self.hosts, host):
                return await PlainTextResponse(UNKNOWN.format(host), 403)(scope, receive, send)
            if scope["path"].rstrip("/").endswith(METRICS):
                return await PlainTextResponse("Not found", 404)(scope, receive, send)
        if scope["type"] == "websocket" and not self.admits(Headers(scope=scope)):
            return await send({"type": "websocket.close", "code": 1008})
        return await self.app(scope, receive, send)

    def admits(self, headers):
        """Say whether a session may be opened; browsers say which page asks, other programs may leave it out."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is None or not _among(self.hosts, host):
            return _among(self.hosts, host)
        scheme, _, asking = origin.partition("://")
        (name, port), (other, other_port), usual = _name_and_port(host), _name_and_port(asking), PORTS.get(scheme)
        return _among(self.proxies, asking) or (name, port or usual) == (other, other_port or usual)


def _among(hosts, host):
    name, _ = _name_and_port(host)
    return bool(name) and any(fnmatch(name, each) for each in hosts)


def _name_and_port(host):
    """Read the name in lower case, without the brackets of an IPv6 address, and the port or None; "" for no host."""
    found = HOST.fullmatch(host.lower())
    if not found or int(found[3] or 1) not in range(1, 65536):
        return "", None
    return found[1] or found[2], found[3] and int(found[3])


def serve(words):
    """Serve the explorer until it is stopped."""
    args, options = parse(words)
    check_place(args.address, args.port)
    if args.folders:
        os.environ[FOLDERS] = "\n".join(args.folders)
    hosts, script = known_hosts(args.address, args.host), EXPLORER / "streamlit_app.py"
    ours = {"server.address": args.address, "server.port": args.port, "server.allowedHosts": hosts}
    proxies = {
        "server.corsAllowedOrigins": [f"https://{name}" for name in args.host]
    }  # Streamlit looks at the name alone
    options = ours | proxies | options
    sys.argv = [str(script)]  # config.toml is found beside it
    app = App(script, middleware=[Middleware(Guard, hosts=hosts, proxies=args.host)], lifespan=_opening)
    try:
        app.run(config=options)
    except RuntimeError as problem:  # options that Streamlit does not know what to do with
        raise ValueError(str(problem).strip()) from problem


@asynccontextmanager
async def _opening(app):
    """Open a browser once the server is there, and tell who else may come."""
    if not config.get_option("server.headless"):
        webbrowser.open(f"http://localhost:{config.get_option('server.port')}")
    print(f"Answers under the names {', '.join(config.get_option('server.allowedHosts'))}", flush=True)
    yield


if __name__ == "__main__":
    serve(sys.argv[1:])
