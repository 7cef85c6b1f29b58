"""The folder of a training: what lies where, and that only one training works in it at a time.

OUT is the finished model, named after the folder; OUT/training is what a training needs to go on. No name of a model
can meet the name of a file in there.
"""

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.places import located


@dataclass(frozen=True)
class Folder:
    """The folder of a training, and the paths in it."""

    out: Path

    @property
    def name(self):
        """The name of the model: that of its folder."""
        return self.out.resolve().name

    def inner(self, name):
        """The path of a file that a training needs to go on."""
        return self.out / "training" / name

    def finished(self, ending):
        """The path of a file of the finished model, such as NAME.png."""
        return self.out / f"{self.name}{ending}"

    @property
    def state(self):
        """The state that a training is resumed from."""
        return self.inner("state.safetensors")

    @property
    def log(self):
        """The training curve."""
        return self.inner("log.csv")

    @property
    def sheets(self):
        """The folder of the sheets of samples."""
        return self.inner("sheets")

    @property
    def prompts(self):
        """The prompts of the sheets."""
        return self.inner("prompts.txt")

    @property
    def vocabulary(self):
        """The tokenizer of a text-to-image model in training."""
        return self.inner("tokenizer.json")

    @property
    def latents(self):
        """The images of a training, encoded once."""
        return self.inner("latents.safetensors")

    def check_place(self):
        """Raise Unusable, in one sentence, if no folder can be made here because something else is in the way."""
        for place in (self.inner("lock").parent, self.out, *self.out.parents):
            if place.is_symlink() and not place.exists():
                raise Unusable(f"{place} is a link to nothing: choose another --out.")
            if place.exists() and not place.is_dir():
                raise Unusable(f"{place} is a file, not a folder: choose another --out.")

    def check_apart(self, sources):
        """Raise Unusable, in one sentence, if the results would lie in a folder of the data and be read as data."""
        for place in folders_of(sources):
            if self.out.resolve().is_relative_to(place.resolve()):
                raise Unusable(
                    f"{self.out} lies in the data folder {place}, so its results would be read as data: "
                    "choose another --out (a training that is there can be moved)."
                )

    @contextmanager
    def occupied(self):
        """Keep other trainings out while one works here; a folder in which nothing was written vanishes at the end."""
        lock = self.inner("lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        claim = FileLock(lock, timeout=0)
        try:
            claim.acquire()
        except Timeout:
            raise Unusable(
                f"Another training is at work in {self.out}: wait until it has ended, or choose another --out."
            ) from None
        except NotImplementedError:  # a network drive that knows no locks
            pass
        try:
            yield
        finally:
            claim.release()
            with suppress(OSError):
                if {path.name for path in lock.parent.iterdir()} <= {lock.name}:
                    lock.unlink(missing_ok=True)
                    lock.parent.rmdir()
                    self.out.rmdir()


def folders_of(sources):
    """List the folders among what names data; what is not there is named when it is read."""
    found = []
    for source in sources:
        with suppress(ValueError, OSError):
            found += [Path(path) for path in located(source)]
    return [path for path in found if path.is_dir()]
