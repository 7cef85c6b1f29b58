"""Build the book and check its links: `python -m docs.book [--out build/book]`; problems end with exit code 1."""

import argparse
import shutil
import sys
from pathlib import Path

from docs.book.assemble import ROOT, assemble
from docs.book.links import problems


def main(words=None):
    """Gather the pages, build HTML, and check what was built."""
    parser = argparse.ArgumentParser(prog="python -m docs.book", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "book", help="default: build/book")
    args = parser.parse_args(words)
    found = build(args.out)
    print("\n".join(found), file=sys.stderr, end="\n" * bool(found))
    print(f"The book: {args.out / 'html' / 'index.html'}")
    return int(bool(found))


def build(out, rooms=None):
    """Build the book into a folder, new each time, and return what is wrong with it as sentences.

    rooms are the parts of the library that the reference describes (None: all).
    """
    from sphinx.cmd.build import build_main

    out = Path(out)
    for part in ("source", "html"):
        shutil.rmtree(out / part, ignore_errors=True)
    assemble(out / "source", rooms)
    settings = str(Path(__file__).parent)
    words = ["-b", "html", "-q", "-W", "--keep-going", "-c", settings, "-d", str(out / "doctrees")]
    failed = build_main([*words, str(out / "source"), str(out / "html")])
    return ["Sphinx warned of something: its lines are above."] * bool(failed) + problems(out / "html")


if __name__ == "__main__":
    sys.exit(main())
