"""Put weights, lessons and the explorer's pages, which lie beside the package, into the wheel.

pyproject.toml says what goes where. `pip install -e .` calls this too, and then nothing is copied: the package finds
everything in the repository, as diffusion_edu/paths.py says.
"""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

UNWANTED = ("__pycache__", ".ipynb_checkpoints", ".part", "ruff.toml", ".ruff_cache", "my_answers")


def files_under(root, source):
    """List the files of a folder, or the one file, as paths relative to root; raises FileNotFoundError if none is."""
    place = Path(root, source)
    paths = [path.relative_to(root) for path in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    paths = [path for path in paths if Path(root, path).is_file() and not any(word in str(path) for word in UNWANTED)]
    if not paths:
        raise FileNotFoundError(f"{place} belongs into the wheel and is missing or empty: restore it.")
    return paths


class PackageData(BuildHookInterface):
    """The hook that hatchling calls before it builds."""

    def initialize(self, version, build_data):
        """Add the files to every wheel but an editable one."""
        if version == "editable":
            return
        for source, target in self.config["package-data"].items():
            for path in files_under(self.root, source):
                inside = Path(target, path.relative_to(source))
                build_data["force_include"][str(Path(self.root, path))] = inside.as_posix()
