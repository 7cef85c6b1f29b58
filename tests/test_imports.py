"""Who may import whom, read off the syntax trees; and what a plain import brings in."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "diffusion_edu"
MODULES = sorted(PACKAGE.rglob("*.py"))
EVERYTHING = [*MODULES, *sorted(ROOT.glob("pages/*.py")), *ROOT.glob("streamlit_app.py")]

ONLY_IN = {
    "streamlit": ("app/", "pages/", "streamlit_app.py"),
    "matplotlib": ("figures/",),
    "plotly": ("figures/",),
    "datasets": ("data/",),
    "torchvision": ("data/", "perception.py"),
    "pyarrow": ("data/",),
    "tqdm": (
        "recipes/",
        "evaluation/command.py",
        "evaluation/__main__.py",
        "evaluation/restoration.py",
        "evaluation/guidance.py",
        "evaluation/enlarging.py",
    ),
    "torchmetrics": ("evaluation/",),
    "torch_fidelity": ("evaluation/",),
    "safetensors": ("checkpoints.py", "resuming.py"),
    "diffusers": ("latent.py",),
    "tokenizers": ("tokens.py",),
    "transformers": ("clip.py",),
    "spandrel": ("upscaling.py",),
}

MAY_SEE = {  # our own modules that a part of the library may import, besides itself
    "core": set(),
    "paths": set(),
    "schedules": set(),
    "randomness": set(),
    "networks": set(),
    "data": set(),
    "denoisers": {"core", "schedules", "randomness"},
    "spacings": {"schedules"},
    "degradations": {"core", "schedules", "randomness"},
    "samplers": {"core", "schedules", "randomness", "denoisers", "degradations", "spacings"},
    "editing": {"core", "schedules", "randomness", "denoisers", "degradations", "spacings", "samplers"},
    "perception": {"randomness", "networks", "checkpoints"},
    "objectives": {"core", "schedules", "denoisers", "degradations", "perception"},
    "training": {"core", "randomness", "objectives"},
    "checkpoints": {"core", "paths", "schedules", "randomness", "denoisers", "degradations", "networks"},
    "resuming": {"checkpoints"},
    "generation": {"core", "schedules", "randomness", "denoisers", "samplers", "spacings", "checkpoints"},
    "latent": {"randomness", "checkpoints"},
    "tokens": {"checkpoints", "clip"},
    "clip": {"checkpoints", "tokens"},
    "sketches": set(),
    "insides": {"networks"},
    "attention": {"networks", "denoisers", "insides"},
    "cascades": {"core", "randomness", "denoisers", "checkpoints", "generation"},
    "text_to_image": {"core", "data", "editing", "generation", "checkpoints", "latent", "networks", "randomness", "tokens"},
    "upscaling": {"core", "randomness", "checkpoints", "generation", "cascades"},
    "prompts": {"data", "checkpoints"},
    "planar": {"core", "schedules", "randomness", "networks", "data", "denoisers", "samplers", "spacings", "objectives", "training", "generation"},
    "evaluation": {
        "core", "schedules", "randomness", "denoisers", "degradations", "samplers", "spacings", "checkpoints", "generation", "cascades", "data",
        "sketches", "measures", "latent", "perception", "text_to_image", "figures", "resuming"
    },
    "measures": {"core", "schedules"},
    "doctor": {"core", "schedules", "denoisers", "objectives", "training", "measures", "checkpoints", "resuming"},
    "museum": {
        "core", "schedules", "randomness", "networks", "data", "denoisers", "spacings", "samplers", "editing", "training", "checkpoints"
    },
    "figures": {"core"},
}  # fmt: skip


def place(path):
    """The path inside the package, or the path in the project for the pages and the entry."""
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()


@cache
def imported(path):
    """Every module that a file imports anywhere, functions included, as dotted names; relative imports are spelled out."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.timestep] if node.timestep else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def ours(path):
    """The parts of our own library that a file imports, for example {"core", "networks"}."""
    parts = {name.split(".")[1] for name in imported(path) if name.startswith("diffusion_edu.")}
    return parts & {entry.stem for entry in PACKAGE.iterdir()}


def others(path):
    """The top-timestep packages of others that a file imports."""
    return {name.split(".")[0] for name in imported(path)} - {"diffusion_edu", *sys.stdlib_module_names}


def test_there_is_something_to_read():
    assert len(MODULES) > 10
    assert ours(PACKAGE / "checkpoints.py") >= {"denoisers", "networks"}
    assert others(PACKAGE / "data" / "images.py") >= {"torch", "PIL", "pyarrow"}
    assert others(PACKAGE / "data" / "sources.py") >= {"pyarrow", "torchvision"}


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_imported_only_where_it_belongs(package):
    strangers = [
        place(path) for path in EVERYTHING if package in others(path) and not place(path).startswith(ONLY_IN[package])
    ]
    assert strangers == []


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_every_module_imports_only_what_it_may_see(path):
    part = place(path).split("/")[0].removesuffix(".py")
    if part in MAY_SEE:
        assert ours(path) - {part} <= MAY_SEE[part]


def test_networks_need_torch_and_einops_only():
    assert set().union(*(others(path) for path in (PACKAGE / "networks").rglob("*.py"))) <= {"torch", "einops"}


def test_the_contract_needs_torch_only():
    assert others(PACKAGE / "core.py") == {"torch"}


def test_nobody_imports_the_app_but_its_pages():
    strangers = [
        place(path) for path in EVERYTHING if "app" in ours(path) and not place(path).startswith(ONLY_IN["streamlit"])
    ]
    assert strangers == []


def test_the_museum_of_bugs_is_seen_by_its_page_only():
    visitors = {place(path) for path in EVERYTHING if "museum" in ours(path)} - {
        place(path) for path in (PACKAGE / "museum").glob("*.py")
    }
    assert visitors == {"app/museum.py", "app/hanging.py", "app/clinic.py"}


def test_recipes_see_everything_but_the_app_and_are_seen_by_no_module():
    assert not any("recipes" in ours(path) for path in MODULES if not place(path).startswith("recipes/"))
    assert not any("app" in ours(path) for path in MODULES if place(path).startswith("recipes/"))


@pytest.mark.parametrize(
    "names",
    [
        [""],
        [
            "core",
            "schedules",
            "denoisers",
            "samplers",
            "randomness",
            "networks",
            "training",
            "checkpoints",
            "data.images",
        ],
    ],
)
def test_a_plain_import_brings_no_screen_no_plots_no_data_sets_and_no_bars(names):
    """Beyond what torch brings in by itself."""
    code = "import sys, torch\nbefore = set(sys.modules)\n"
    code += "".join(f"import diffusion_edu{'.' * bool(name)}{name}\n" for name in names)
    code += f"print(sorted({set(ONLY_IN) - {'safetensors'}} & (set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
