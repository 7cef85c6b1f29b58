"""What is downloaded is what it was when the library was written, or refused."""

import ast
import hashlib
import re
from pathlib import Path

import pytest

from diffusion_edu.data import checksums
from diffusion_edu.data.checksums import SHA256, verify, verify_all
from diffusion_edu.data.emoji_packages import NAMES, PACKAGES

PACKAGE = Path(checksums.__file__).parents[1]


def test_a_file_passes_by_its_content_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(SHA256, "a.tgz", hashlib.sha256(b"good").hexdigest())
    path = tmp_path / "a.tgz"
    path.write_bytes(b"good")
    (tmp_path / "other.txt").write_bytes(b"anything")
    assert verify(path) == path
    verify_all(tmp_path)
    path.write_bytes(b"bad!")
    for check in (lambda: verify(path), lambda: verify_all(tmp_path)):
        with pytest.raises(ValueError, match=r"a.tgz is not the file that it should be .* try again\.$"):
            check()


def test_every_checksum_is_one_and_every_package_of_emoji_has_one():
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in SHA256.values())
    for spec in (NAMES, *(package.spec for package in PACKAGES.values())):
        assert spec.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz" in SHA256


def test_who_downloads_verifies():
    """Every module that calls something that fetches files by an address also calls verify."""
    for path in PACKAGE.rglob("*.py"):
        code = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))
        calls = re.findall(r"(?:download_url\w*|urlretrieve|urlopen|CelebA|Flowers102)\(|'npm', 'pack'", code)
        assert not calls or "verify(" in code, path
