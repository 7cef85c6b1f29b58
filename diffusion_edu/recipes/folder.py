"""The folder of a training: what lies where, and that only one training works in it at a time.

OUT is the finished model, named after the folder; OUT/training is what a training needs to go on. No name of a model
can meet the name of a file in there.
"""

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from diffusion_edu.checkpoints import Unusable


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
