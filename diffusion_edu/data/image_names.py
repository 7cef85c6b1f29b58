"""Images found by the names that tables give them: in any spelling, with other folders before them, from elsewhere."""

import posixpath
import re
import unicodedata
from urllib.parse import unquote


class Names:
    """Find images by the names that a table gives them, however it spells them."""

    def __init__(self, root, files):
        self.root, self.relative = root, [file.relative_to(root).as_posix() for file in files]
        self.exact, self.loose, self.bases, self.folders = {}, {}, {}, {}
        for row, name in enumerate(self.relative):
            self.exact.setdefault(_composed(name), []).append(row)
            self.loose.setdefault(folded(name), []).append(row)
            base = folded(posixpath.basename(name))
            for key in {base, posixpath.splitext(base)[0]}:
                self.bases.setdefault(key, []).append(row)

    def find(self, folder, name):
        """List the rows of the images that a table in a folder can mean by a name: one, several, or none."""
        if not isinstance(name, (str, int)) or not str(name).strip():
            return []
        name = str(name).strip().replace("\\", "/")
        found = self._find(folder, name) or self._find(folder, unquote(name))
        return found or (self._find(folder, name.rsplit("#", 1)[0]) if "#" in name else [])

    def _find(self, folder, name):
        if folder not in self.folders:
            self.folders[folder] = self._base(folder)
        base = self.folders[folder]
        inside = posixpath.normpath(posixpath.join(base, name))
        if found := self.exact.get(_composed(inside)) or self.loose.get(folded(inside)):
            return found
        elsewhere = name.startswith("/") or re.match("[A-Za-z]:/", name)  # a path of another computer
        name, below = folded(posixpath.normpath(name)), "" if base == "." else folded(base) + "/"
        alike = self.bases.get(posixpath.basename(name), [])
        fits = [row for row in alike if self._fits(folded(self.relative[row]), name, below)]
        return fits or (alike if elsewhere else [])

    @staticmethod
    def _fits(image, name, below):
        """Whether one of both paths ends with the other, with or without the ending of the file."""
        inside = image.startswith(below)
        image = image.removeprefix(below)
        for each in (image, posixpath.splitext(image)[0]):
            if f"/{name}".endswith(f"/{each}") or inside and f"/{each}".endswith(f"/{name}"):
                return True
        return False

    def _base(self, folder):
        """The folder of a table, or the next one above it with images: annotations/ often lies beside images/."""
        base = folder.relative_to(self.root).as_posix()
        while base != "." and not any(name.startswith(f"{base}/") for name in self.relative):
            base = posixpath.dirname(base) or "."
        return base


def _composed(name):
    return unicodedata.normalize("NFC", name)


def folded(name):
    return unicodedata.normalize("NFC", name.casefold())
