"""What is installed, and how: requirements, versions, package data, and the command `diffusion-edu`."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

import diffusion_edu
from diffusion_edu import cli, paths
from diffusion_edu.cli import lessons

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]


def listed(name):
    """The requirements in a file, one a line, without comments and includes."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def outside(code=None, *words, cwd, python=sys.executable):
    """Run Python on some code, or with some words, in a folder that is not the repository's; returns what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["OMP_NUM_THREADS"] = "1"  # threads that share their cores with other work wait for each other
    command = [python, *(["-c", code] if code else words)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_requirements_and_extras_install_the_same():
    extras = [each for name in ("app", "lessons", "train", "evaluate") for each in EXTRAS[name]]
    assert sorted(listed("requirements.txt")) == sorted({*PYPROJECT["project"]["dependencies"], *extras})
    assert EXTRAS["all"] == ["diffusion_edu[app,lessons,train,evaluate]"]
    assert sorted([*listed("requirements-dev.txt"), "diffusion_edu[all]"]) == sorted(EXTRAS["dev"])
    assert set(EXTRAS["book"]) <= set(EXTRAS["dev"])


def test_constraints_pin_everything_that_is_required_and_nothing_that_only_this_machine_has():
    pins = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in listed("constraints.txt")}
    for line in (*listed("requirements.txt"), *listed("requirements-dev.txt")):
        wanted = Requirement(line)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton", "diffusion-edu"))]
    assert not [version for version in pins.values() if "+" in version]


def test_the_lock_has_hashes_for_the_pinned_versions_of_all_that_people_install():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace(" \\\n", " ")
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}( |$)", row) for row in rows) and "://" not in text
    locked = {canonicalize_name(row.split("==")[0]): re.split("[ ;]", row.split("==")[1])[0] for row in rows}
    pins = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in listed("constraints.txt")}
    assert {canonicalize_name(Requirement(line).name) for line in listed("requirements.txt")} <= set(locked)
    assert [name for name in pins if name in locked and locked[name] != pins[name]] == []


def test_the_style_hooks_use_the_pinned_version_of_ruff():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"ruff==[\d.]+", hooks)) == {
        line for line in listed("constraints.txt") if line.startswith("ruff==")
    }


def test_the_version_is_the_newest_in_the_changelog(capsys):
    assert PYPROJECT["project"]["dynamic"] == ["version"] and "version" not in PYPROJECT["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[([\d.]+)\]", changelog, re.MULTILINE)[1] == diffusion_edu.__version__
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0 and capsys.readouterr().out == f"diffusion-edu {diffusion_edu.__version__}\n"


def test_the_wheel_holds_weights_assets_pages_and_lessons():
    wheel = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    hook, build = wheel.get_build_hooks(str(ROOT))["custom"], {"force_include": {}}
    hook.initialize("editable", build)
    assert not build["force_include"]
    hook.initialize("standard", build)
    packed = {file.distribution_path for file in wheel.recurse_selected_project_files()}
    packed |= set(build["force_include"].values())
    wanted = [
        path for path in (ROOT / "diffusion_edu").rglob("*.*") if path.is_file() and "__pycache__" not in str(path)
    ]
    assert {path.suffix for path in wanted} >= {".py", ".js", ".css", ".html"}
    assert {path.relative_to(ROOT).as_posix() for path in wanted} <= packed
    for folder, target in (("pretrained", "pretrained"), ("lessons", "notebooks"), ("pages", "explorer/pages")):
        files = [path for kind in ("*.safetensors", "*.json", "*.parquet", "*.npz", "*.ipynb", "*.py") for path in
                 (ROOT / folder).rglob(kind)]  # fmt: skip
        assert files
        assert {f"diffusion_edu/{target}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} <= packed
    assert {f"diffusion_edu/explorer/{name}" for name in ("streamlit_app.py", ".streamlit/config.toml")} <= packed
    assert not [path for path in packed if path.startswith(("tests", "runs")) or path.endswith((".pyc", ".part"))]


def test_the_paths_lead_to_what_is_there():
    assert (paths.PRETRAINED / "flowers_attention.safetensors").is_file()
    assert (paths.EXPLORER / "streamlit_app.py").is_file() and (paths.EXPLORER / "pages").is_dir()
    assert (paths.LESSONS / "solutions").is_dir()


def test_the_command_starts_without_torch(tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import diffusion_edu.cli; print('torch' in sys.modules)"
    assert outside(code, cwd=tmp_path) == "False\n"


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_the_overview_names_every_command(words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    said = capsys.readouterr().out
    assert left.value.code == 0 and all(re.search(rf"^  {name} ", said, re.MULTILINE) for name in cli.COMMANDS)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")  # some recipes build on others
@pytest.mark.parametrize("name", cli.recipes())
def test_every_recipe_is_reachable(name, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["train", name, "--help"])
    assert left.value.code == 0 and f"diffusion_edu.recipes.{name}" in capsys.readouterr().out


def test_help_on_training_lists_the_recipes(capsys):
    cli.main(["train", "--help"])
    said = capsys.readouterr().out
    assert {"flowers_attention", "text_to_image", "flowers_vae"} <= set(cli.recipes())
    assert all(f"  {name}" in said for name in cli.recipes())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["paint"], 2, "invalid choice: 'paint'"),
        (["train"], 2, "name a recipe. The recipes are:\n"),
        (["train", "nothing"], 2, "there is no recipe 'nothing'. The recipes are:\n"),
        (["train", "flowers_vae", "--minutes", "-1"], 2, "must be a number from 0.0001 to"),
        (["train", "flowers_vae", "--data", "nowhere"], 1, "nowhere"),
        (["evaluate", "nothing"], 1, "There is no model 'nothing'"),
        (["evaluate", "flowers_simple", "--samples", "many"], 2, "must be a whole number from 2 to 50,000, not 'many'"),
        (["sample"], 2, "required: MODEL"),
        (["sample", "nothing"], 1, "There is no model 'nothing'"),
        (["sample", "flowers_simple", "--count", "0"], 2, "must be a whole number from 1 to 10,000, not '0'"),
        (["sample", "flowers_simple", "--count", "two"], 2, "must be a whole number from 1 to 10,000, not 'two'"),
        (["sample", "flowers_simple", "--steps", "5000"], 1, "between 1 and 1000 steps, not 5000"),
        (["sample", "flowers_simple", "--class", "rosee"], 1, "no class 'rosee'; some that it has: rose"),
        (["sample", "flowers_vae", "--class", "rose"], 1, "has no classes"),
        (["sample", "flowers_simple", "--prompt", "a rose"], 1, "reads no prompts"),
        (["sample", "text_to_image"], 1, "add --prompt"),
        (["sample", "flower_features"], 1, "cannot sample"),
        (["sample", "super_resolution"], 1, "cannot sample"),
        (["sample", "flowers_simple", "--out", "flowers.gif"], 1, "PNG"),
        (["sample", "flowers_simple", "--out", "nowhere/flowers.png"], 1, "There is no folder nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_ends_in_one_sentence(words, code, sentence, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    said = capsys.readouterr().err + (left.value.code if isinstance(left.value.code, str) else "")
    assert (left.value.code if isinstance(left.value.code, int) else 1) == code
    assert sentence in said and "Traceback" not in said


@pytest.mark.parametrize("model", ["flowers_simple", "faces", "flowers_vae"])
def test_sampling_writes_a_file(model, tmp_path, capsys):
    out = tmp_path / "two.png"
    cli.main(["sample", model, "--count", "2", "--steps", "2", "--seed", "5", "--out", str(out)])
    assert capsys.readouterr().out == f"{out}: 2 images by {model}, seeds 5 to 6.\n"
    with Image.open(out) as image:
        assert image.format == "PNG" and image.size == (128, 64)
        assert max(high - low for low, high in image.convert("RGB").getextrema()) > 50


def test_sampling_reads_a_prompt(tmp_path):
    prompts = {"a volcano": tmp_path / "volcano.png", "a red rose": tmp_path / "rose.png"}
    for prompt, out in prompts.items():
        cli.main(["sample", "text_to_image", "--prompt", prompt, "--count", "1", "--steps", "2", "--out", str(out)])
    images = [Image.open(out) for out in prompts.values()]
    assert [image.size for image in images] == [(128, 128)] * 2 and images[0].tobytes() != images[1].tobytes()


def test_sampling_follows_its_options(tmp_path):
    def pixels(*options):
        cli.main(
            ["sample", "flowers_simple", "--count", "1", "--steps", "2", "--out", str(tmp_path / "a.png"), *options]
        )
        return Image.open(tmp_path / "a.png").tobytes()

    rose = pixels("--class", "rose")
    assert rose == pixels("--class", "Rose", "--seed", "0")
    assert rose != pixels("--class", "sunflower") and rose != pixels("--class", "rose", "--seed", "1")
    assert rose != pixels("--class", "rose", "--guidance-scale", "1") and rose != pixels(
        "--class", "rose", "--steps", "3"
    )


def test_an_image_does_not_depend_on_how_many_are_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.cli.sampling.BATCH", 2)
    cli.main(["sample", "flowers_simple", "--count", "3", "--steps", "1", "--out", str(tmp_path / "a.png")])
    cli.main(
        ["sample", "flowers_simple", "--count", "1", "--seed", "2", "--steps", "1", "--out", str(tmp_path / "b.png")]
    )
    with Image.open(tmp_path / "a.png") as three, Image.open(tmp_path / "b.png") as third:
        assert three.size == (192, 64)
        differences = zip(three.crop((128, 0, 192, 64)).tobytes(), third.tobytes(), strict=True)
        assert max(abs(a - b) for a, b in differences) <= 12  # bfloat16 rounds differently from batch to batch


@pytest.fixture
def ran(monkeypatch):
    """What would be run instead of Streamlit or JupyterLab, as [module, word, ...]."""
    calls = []
    monkeypatch.setattr(cli, "run", lambda module, words: calls.append([module, *words]))
    return calls


def test_the_explorer_is_run_with_its_options(ran):
    cli.main(["app", "--port", "8502"])
    assert ran == [["diffusion_edu.app.server", "--port", "8502"]]


def test_the_settings_of_the_explorer_hold_in_every_folder(tmp_path):
    code = f"""
import streamlit.config as config
config._main_script_path = {str(paths.EXPLORER / "streamlit_app.py")!r}
config.get_config_options()
print([config.get_option(name) for name in ("theme.baseRadius", "server.maxUploadSize")])
"""
    assert outside(code, cwd=tmp_path) == "['8px', 20]\n"


def test_the_lessons_are_copied_and_changed_ones_are_kept(ran, tmp_path, capsys):
    folder = tmp_path / "mine"
    cli.main(["lab", "--folder", str(folder), "--port", "9999"])
    assert ran == [["jupyterlab", str(folder), "--port", "9999"]] and not capsys.readouterr().out
    lesson, old, removed = folder / "01_adding_noise.ipynb", folder / "04_ddpm.ipynb", folder / "README.md"
    assert lesson.read_bytes() == (paths.LESSONS / lesson.name).read_bytes()
    assert (folder / "solutions" / lesson.name).is_file() and not list(folder.rglob("ruff.toml"))
    assert not (folder / "source").exists()
    lesson.write_text("{}")
    old.write_text(old.read_text() + "\n")
    record = folder / lessons.COPIED
    was = lessons.fingerprint((paths.LESSONS / old.name).read_bytes())
    record.write_text(record.read_text().replace(was, lessons.fingerprint(old.read_bytes())))
    removed.unlink()
    for _ in range(2):
        cli.main(["lab", "--folder", str(folder)])
        assert capsys.readouterr().out.startswith(f"{lesson} is kept as you changed it")
        assert lesson.read_text() == "{}" and removed.is_file()
        assert old.read_bytes() == (paths.LESSONS / old.name).read_bytes()


@pytest.mark.parametrize(("command", "extra"), [("app", "app"), ("lab", "lessons"), ("evaluate", "evaluate")])
def test_a_missing_extra_is_named(command, extra, ran, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("diffusion_edu.options.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=rf"is not installed: install diffusion_edu with its extra '{extra}'"):
        cli.main([command])
    assert not ran


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The Python of an environment outside the repository that holds the wheel; other packages are this one's."""
    place = tmp_path_factory.mktemp("installed")
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    outside(None, *words, str(place), str(ROOT), cwd=place)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "env", with_pip=False)
    python = place / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = Path(outside("import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place, python=python).strip())
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    outside(None, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel), cwd=place, python=python)
    return python


@pytest.mark.slow
def test_the_wheel_works_in_another_folder(installed, tmp_path):
    where = outside(
        "import diffusion_edu as d, importlib.metadata as m; print(d.__file__); print(m.version('diffusion_edu'))",
        cwd=tmp_path, python=installed,
    ).splitlines()  # fmt: skip
    assert str(installed.parents[1]) in where[0] and where[1] == diffusion_edu.__version__
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    outside(re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1], cwd=tmp_path, python=installed)
    script = installed.with_name("diffusion-edu")
    outside(None, "sample", "flowers_attention", "--count", "2", "--steps", "3", cwd=tmp_path, python=script)
    with Image.open(tmp_path / "samples.png") as image:
        assert image.size == (128, 64)


@pytest.mark.slow
def test_the_explorer_in_the_wheel_shows_its_pages(installed, tmp_path):
    code = """
from pathlib import Path
from streamlit.testing.v1 import AppTest
from diffusion_edu import paths
home = AppTest.from_file(str(paths.EXPLORER / "streamlit_app.py"), default_timeout=60).run()
assert not home.exception, home.exception
for page in ("1_Adding_noise", "13_Evaluate_and_debug"):
    home.switch_page(f"pages/{page}.py").run()
    assert not home.exception, home.exception
from diffusion_edu.app.evaluation import bug_source
assert "not of the installed package" in bug_source.source_of_test("tests/library/test_samplers.py", "test_anything")
assert paths.PACKAGE in paths.EXPLORER.parents and paths.PACKAGE in paths.PRETRAINED.parents
assert paths.PACKAGE in paths.LESSONS.parents
"""
    outside(code, cwd=tmp_path, python=installed)
