"""A set of images under inspection: what is in it, which colours, what is there twice, and balanced parts of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.sources import SPLITS
from diffusion_edu.data.splits import as_csv, imbalance, split
from diffusion_edu.data.survey import Survey, average, fractions, survey
from diffusion_edu.evaluation.colours import smoothed, values, wasserstein

MOST = 10_000  # images that are read
OURS = PRETRAINED / "flower_samples.parquet"
KNOWN = {}  # the last set that was read, for everybody


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found: the set in numbers, and its parts.

    counts: {class or attribute: how many}; averages uint8 (1 + parts, 3, h, w), of all and of each part; densities (parts, 3, 256) in
    fractions of all values; moved (parts, 3): W1 between a part and all; parts (n,) and sizes; twice: files that are equal, in groups.
    """

    source: str
    found: int
    read: int
    sides: dict
    left_out: list[str]
    counts: dict
    attributes: bool
    averages: Tensor
    densities: Tensor
    moved: Tensor
    sizes: list[int]
    imbalance: tuple[float, float]  # of these parts, and of parts at random
    twice: list[list[str]]
    apart: int  # groups of equal files that lie in different parts
    csv: str


@dataclass(frozen=True)
class Inspection:
    """Which set is looked at (path "": ours), the fractions of training, validation and test, and the seed that splits it."""

    path: str
    fractions: tuple[float, float, float]
    seed: int

    @property
    def id(self):
        """The same for the same choices."""
        return hashlib.sha256(repr((self.path, self.fractions, self.seed)).encode()).hexdigest()

    def items(self) -> Iterator[tuple[int, int] | Findings]:
        """Read the set, or remember it, and look at it: yields (done, of how many), and Findings at last. Raises ValueError in words."""
        path = Path(self.path or OURS).expanduser()
        key = str(path.resolve()), path.stat().st_mtime_ns
        if key not in KNOWN:
            for found in survey(path, most=MOST):
                if not isinstance(found, Survey):
                    yield found
            KNOWN.clear()
            KNOWN[key] = found
        yield from self._findings(KNOWN[key])

    def _findings(self, found):
        dataset, n = found.images, len(found.images)
        parts = split(n, self.fractions, dataset.labels, self.seed)
        yield n, n
        there = [part for part in range(len(self.fractions)) if (parts == part).any()]
        images = [dataset.images[parts == part] for part in there]
        seen = []
        for some in (dataset.images, *images):
            seen.append(values(some))
            yield n, n
        twice = found.duplicates
        yield Findings(
            source=dataset.source,
            found=found.found,
            read=n,
            sides=dict(found.sides.most_common()),
            left_out=found.left_out,
            counts=fractions(dataset),
            attributes=bool(dataset.attributes),
            averages=torch.stack([average(some) for some in (dataset.images, *images)]),
            densities=torch.stack([smoothed(fraction) for fraction in seen[1:]]),
            moved=torch.stack([wasserstein(fraction, seen[0]) for fraction in seen[1:]]),
            sizes=parts.bincount(minlength=len(self.fractions)).tolist(),
            imbalance=(
                imbalance(dataset.labels, parts),
                imbalance(dataset.labels, split(n, self.fractions, None, self.seed)),
            ),
            twice=[[found.files[row] for row in rows] for rows in twice],
            apart=sum(len(parts[rows].unique()) > 1 for rows in twice),
            csv=as_csv(found.files, dataset, parts),
        )

    @property
    def code(self):
        """The lines of Python that find the same numbers, and make the same parts."""
        source = repr(self.path) if self.path else 'PRETRAINED / "flower_samples.parquet"'
        return (
            "from diffusion_edu.checkpoints import PRETRAINED\n"
            "from diffusion_edu.data.splits import as_csv, imbalance, split\n"
            "from diffusion_edu.data.survey import shares, survey\n"
            "from diffusion_edu.evaluation.colours import values, wasserstein\n\n"
            f"*_, found = survey({source}, most={MOST})\n"
            "images = found.images\n"
            f"parts = split(len(images), shares={self.fractions}, labels=images.labels, seed={self.seed})\n"
            'print(found.sides, "equal files:", len(found.duplicates))\n'
            "print(shares(images))\n"
            f"for part, name in enumerate({list(SPLITS)}):\n"
            "    some = images.take(parts == part)\n"
            "    if len(some):\n"
            "        print(name, len(some), wasserstein(values(some.images), values(images.images)))  # W1 of red, green, blue\n"
            'print("largest difference of a share", imbalance(images.labels, parts))\n'
            "text = as_csv(found.files, images, parts)\n"
        )


STYLE = """<style>.counts { column-width: 215px; column-gap: 24px; font-size: 0.8rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.counts div { display: flex; gap: 8px; break-inside: avoid; }
.counts span { flex: 0 0 50%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.counts i { flex: 1; position: relative; } .counts b { font: inherit; font-style: normal; position: absolute; left: 0; padding-left: 4px; }
.counts u { display: block; position: absolute; top: 2px; bottom: 2px; left: 0; background: rgba(127, 127, 127, 0.45); }</style>"""


def bars(counts, total=None):
    """Write {name: how many} as bars with their numbers, largest first, as HTML; of a total they are shares."""
    most = total or max(counts.values(), default=0) or 1
    rows = "".join(
        f'<div><span title="{escape(name)}">{escape(name)}</span><i><u style="width: {100 * count / most:.1f}%"></u>'
        f"<b>{f'{count / total:.0%}' if total else f'{count:,}'}</b></i></div>"
        for name, count in sorted(counts.items(), key=lambda entry: -entry[1])
    )
    return f'{STYLE}<div class="counts">{rows}</div>'
