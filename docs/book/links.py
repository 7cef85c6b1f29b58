"""Check the built pages: every link and anchor inside the book leads somewhere, and no page needs the network."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

NEEDED = {"script": "src", "img": "src", "iframe": "src", "video": "src", "source": "src", "embed": "src"}


class Page(HTMLParser):
    """What one page names: its anchors, where it links to, and what it needs in order to be shown."""

    def __init__(self, text):
        """Read a page."""
        super().__init__(convert_charrefs=True)
        self.anchors, self.links, self.needs = {""}, set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note the addresses and the id of an element."""
        found = dict(attrs)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.add(found["href"])
        needed = found.get(NEEDED.get(tag, ""))
        if tag == "link" and "stylesheet" in (found.get("rel") or ""):
            needed = found.get("href")
        if needed:
            self.needs.add(needed)

    handle_startendtag = handle_starttag


def problems(folder):
    """List what is wrong with the pages below a folder, one sentence each."""
    folder = Path(folder).resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    if not pages:
        return [f"There are no pages in {folder}."]
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        found += [f"{name} needs the network for {each[:80]}." for each in sorted(page.needs) if remote(each)]
        inside = {each for each in page.links | page.needs if not urlsplit(each).scheme and not remote(each)}
        found += [f"{name} links to {each}: {why}." for each in sorted(inside) if (why := broken(path, each, pages))]
    return found


def remote(address):
    """Whether an address is on another computer."""
    return urlsplit(address).scheme in ("http", "https") or address.startswith("//")


def broken(path, address, pages):
    """Say why a link from a page leads nowhere; nothing if it leads somewhere."""
    parts = urlsplit(address)
    place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    place = place / "index.html" if place.is_dir() else place
    if not place.is_file():
        return "there is no such file"
    if place in pages and not {parts.fragment, unquote(parts.fragment)} & pages[place].anchors:
        return "the page has no such anchor"
    return ""
