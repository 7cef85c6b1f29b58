"""Who may import whom, read off the syntax trees; and what a plain import loads."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "diffusion_edu"
MODULES = sorted(PACKAGE.rglob("*.py"))
PAGES = sorted(ROOT.glob("pages/*.py"))
EVERYTHING = [*MODULES, *PAGES, *ROOT.glob("streamlit_app.py")]
UI = ("app/", "pages/", "streamlit_app.py")

ONLY_IN = {  # packages of others, and the only places that may import them
    "streamlit": UI,
    "matplotlib": ("figures/", "lessons/figures/"),
    "plotly": ("figures/",),
    "imageio": ("figures/animation.py",),
    "datasets": ("data/tables.py",),
    "pyarrow": ("data/",),
    "charset_normalizer": ("data/text_files.py",),
    "cairosvg": ("data/emoji_packages.py",),
    "torchvision": ("data/sources.py", "training/perceptual.py"),
    "tqdm": (
        "recipes/",
        *(f"evaluation/{name}.py" for name in ("__main__", "command_line", "restoration", "guidance")),
    ),
    "torchmetrics": ("evaluation/",),
    "torch_fidelity": ("evaluation/inception.py",),
    "safetensors": ("checkpoints.py", "card_fit.py", "training/state.py"),
    "pydantic": ("cards.py", "card_fields.py", "lessons/"),
    "jupytext": ("lessons/build.py",),
    "nbformat": ("lessons/build.py", "lessons/teaching/"),
    "diffusers": ("latent/codec.py",),
    "tokenizers": ("text/tokenizer.py",),
    "transformers": ("text/clip.py",),
    "spandrel": ("editing/upscaling.py",),
}

CORE = {"core", "schedules", "randomness", "spacings", "denoisers", "samplers"}
MODELS = {"checkpoints", "generation", "networks", "randomness"}
MAY_SEE = {  # our modules and rooms that a module or room may import, besides the rest of its own room
    "checks": set(),
    "core": set(),
    "paths": set(),
    "memory": set(),
    "options": set(),
    "schedules": set(),
    "randomness": set(),
    "spacings": {"schedules"},
    "denoisers": {"core", "schedules"},
    "samplers": {"core", "schedules"},
    "degradations": {"core", "randomness"},
    "networks": set(),
    "networks.blocks": set(),
    "data": set(),
    "figures": set(),
    "files": set(),
    "card_fields": {"files", "samplers", "schedules", "spacings"},
    "cards": {"files", "card_fields", "denoisers", "networks", "samplers"},
    "card_fit": {"cards", "files", "networks"},
    "checkpoints": {
        *("paths", "schedules", "randomness", "denoisers", "degradations", "networks"),
        *("files", "cards", "card_fit"),
    },
    "generation": {*CORE, "checkpoints"},
    "training.loop": {"training.objectives.diffusion"},
    "training.state": {"training.loop", "cards", "files"},
    "training.perceptual": {"networks", "randomness", "checkpoints"},
    "training.objectives.diffusion": {"denoisers"},
    "training.objectives.restoration": {"degradations", "training.objectives.diffusion"},
    "training.objectives.autoencoding": {"training.objectives.diffusion", "training.perceptual"},
    "training.objectives.adversarial": {"training.objectives.autoencoding"},
    "training.objectives.perceptual": {"denoisers", "training.objectives.diffusion", "training.perceptual"},
    "toy2d": {*CORE, "generation", "data.points", "networks.mlp", "training.loop", "training.objectives.diffusion"},
    "text": {"checkpoints", "data.prompts", "files"},
    "latent": {"core", *MODELS, "data.images", "editing", "text"},
    "editing": {*CORE, "checkpoints", "generation"},
    "analysis": {"core", "schedules", "denoisers", "networks"},
    "evaluation": {
        *(*CORE, *MODELS, "degradations", "data", "editing", "analysis.measures", "latent", "figures.grids"),
        *("training.perceptual", "training.state", "options", "files"),
    },
    "doctor": {"schedules", "denoisers", "checkpoints", "training.objectives.diffusion", "training.state"},
    "museum": {*CORE, "checkpoints", "networks", "data.images", "editing", "training.loop"},
    "lessons": {"paths", "files", "options", "figures", "schedules"},
    "lessons.checks": {"schedules"},
    "lessons.exercises": {"schedules", "lessons.checks"},
    "lessons.exercises.lesson_13": {"schedules", "museum", "lessons.checks", "lessons.exercises"},
    "lessons.figures": {
        *(*CORE, *MODELS, "figures", "degradations", "data", "latent", "text", "editing", "analysis", "evaluation"),
        *("toy2d", "museum", "training", "lessons.course", "files"),
    },
    "cli": {"paths", "options", *MODELS, "data.images", "figures.grids", "latent", "lessons.teaching"},
}

SHARED = ("common", "jobs", "trajectories", "components")  # rooms of the app that every page package may import
RECORDED = (
    "examples"  # the command that records what pages show at once: it may import page packages, and no one imports it
)


def place(path):
    """The path inside the package, or the path in the project for the pages and the entry."""
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()


def dotted(path):
    """The name of a module inside the package, for example training.loop, or "" for the package itself."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


NAMES = {dotted(path): path for path in MODULES}


@cache
def imported(path):
    """Every module that a file imports anywhere, functions included, as dotted names."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not ast.unparse(node).startswith("from ."), f"{path}: write imports out, from diffusion_edu on"
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


@cache
def ours(path):
    """The modules of our package that a file imports, for example {"core", "training.loop"}."""
    names = {name.removeprefix("diffusion_edu.") for name in imported(path) if name.startswith("diffusion_edu.")}
    found = names & NAMES.keys()
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


def others(path):
    """The packages of others that a file imports."""
    return {name.split(".")[0] for name in imported(path)} - {"diffusion_edu", *sys.stdlib_module_names}


def within(name, part):
    """Whether a module is a part, or is inside it."""
    return name == part or name.startswith(f"{part}.")


def room(name):
    """The room of a module of the app: app.editing.page is in editing; "" for the app itself, None outside it."""
    first, *rest = name.split(".")
    return (rest or [""])[0] if first == "app" else None


def test_there_is_something_to_read():
    assert len(MODULES) > 100 and len(PAGES) > 10
    assert ours(PACKAGE / "checkpoints.py") >= {"denoisers", "networks.experts"}
    assert others(PACKAGE / "data" / "images.py") >= {"torch", "PIL", "pyarrow"}
    assert others(PACKAGE / "data" / "sources.py") >= {"torchvision"}
    assert {name for name in MAY_SEE if not any(within(module, name) for module in NAMES)} == set()
    places = {place(path) for path in EVERYTHING}
    assert not [part for parts in ONLY_IN.values() for part in parts if not any(p.startswith(part) for p in places)]


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_imported_only_where_it_belongs(package):
    strangers = [
        place(path) for path in EVERYTHING if package in others(path) and not place(path).startswith(ONLY_IN[package])
    ]
    assert strangers == []


@pytest.mark.parametrize("name", NAMES)
def test_every_module_imports_only_what_it_may_see(name):
    rules = [part for part in MAY_SEE if within(name, part)]
    if rules:
        rule = max(rules, key=len)
        allowed = {"checks", *MAY_SEE[rule], *([rule] if (PACKAGE / rule.replace(".", "/")).is_dir() else [])}
        assert [other for other in ours(NAMES[name]) if not any(within(other, part) for part in allowed)] == []


def test_every_module_of_the_library_has_a_rule():
    free = {name.split(".")[0] for name in NAMES if not any(within(name, part) for part in MAY_SEE)}
    assert free == {
        "",
        "app",
        "recipes",
        "training",
    }  # of training only the two packages themselves: they import nothing


def test_networks_need_torch_and_einops_only():
    assert set().union(*(others(path) for path in (PACKAGE / "networks").rglob("*.py"))) <= {"torch", "einops"}


def test_the_contract_needs_torch_only():
    assert others(PACKAGE / "core.py") == {"torch"}


def test_no_module_imports_itself_by_way_of_others():
    """No circle: the modules can be put into an order in which each imports only earlier ones."""
    left = {name: ours(path) - {name} for name, path in NAMES.items()}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert left == {}


def reached(name):
    """Every module that is loaded when this one is imported, the packages around them included."""
    found, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            packages = [".".join(name.split(".")[:k]) for k in range(1, name.count(".") + 1)]
            waiting += [*ours(NAMES[name]), *packages]
    return found


def test_the_training_loop_imports_no_checkpoint_and_no_network():
    found = reached("training.loop")
    assert found >= {"training.objectives.diffusion", "denoisers", "schedules"}
    assert not [
        name for name in found if any(within(name, part) for part in ("checkpoints", "networks", "training.perceptual"))
    ]


def test_nobody_imports_the_app_but_its_pages():
    strangers = [
        place(path)
        for path in EVERYTHING
        if any(within(n, "app") for n in ours(path)) and not place(path).startswith(UI)
    ]
    assert strangers == []


@pytest.mark.parametrize("name", [name for name in NAMES if room(name)])
def test_a_room_of_the_app_imports_shared_rooms_and_no_other_page(name):
    own = room(name)
    allowed = {own, *SHARED}
    strangers = {other for other in ours(NAMES[name]) if room(other) is not None and room(other) not in allowed}
    assert strangers == set() or own == RECORDED


def test_nobody_imports_the_command_that_records_examples():
    strangers = [place(path) for path in EVERYTHING if any(room(name) == RECORDED for name in ours(path))]
    assert [path for path in strangers if not path.startswith(f"app/{RECORDED}/")] == []


@pytest.mark.parametrize("path", PAGES, ids=place)
def test_a_page_imports_one_page_package(path):
    rooms = {room(name) for name in ours(path)} - {None, *SHARED}
    assert len(rooms) == 1 and RECORDED not in rooms


def test_the_museum_of_bugs_is_seen_by_its_page_and_by_lessons_only():
    visitors = {place(path) for path in EVERYTHING if any(within(name, "museum") for name in ours(path))}
    visitors = {visitor for visitor in visitors if not visitor.startswith("museum/")}
    assert visitors and all(visitor.startswith(("app/evaluation/", "lessons/")) for visitor in visitors)


def test_recipes_see_everything_but_the_app_and_are_seen_by_the_command_line_only():
    for path in MODULES:
        names = {name.split(".")[0] for name in ours(path)}
        if place(path).startswith("recipes/"):
            assert not names & {"app", "cli"}, place(path)
        elif not place(path).startswith("cli/"):
            assert "recipes" not in names, place(path)


PLAIN = ["core", "schedules", "samplers", "networks", "training.loop", "checkpoints", "generation", "data.images"]


@pytest.mark.parametrize("names", [[""], PLAIN], ids=["the package", "its core"])
def test_a_plain_import_loads_no_screen_no_plots_no_data_sets_and_no_bars(names):
    """Beyond what torch loads by itself."""
    code = "import sys, torch\nbefore = set(sys.modules)\n"
    code += "".join(f"import diffusion_edu{'.' * bool(name)}{name}\n" for name in names)
    code += f"print(sorted({set(ONLY_IN) - {'safetensors', 'pydantic'}} & (set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_training_loop_loads_no_checkpoint_in_fact():
    code = "import sys, diffusion_edu.training.loop\nprint([n for n in sys.modules if n.startswith('diffusion_edu')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    loaded = ast.literal_eval(done.stdout)
    assert "diffusion_edu.training.loop" in loaded
    assert not {"diffusion_edu.checkpoints", "diffusion_edu.training.perceptual"} & set(loaded)
