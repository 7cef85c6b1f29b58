"""The tab Generate of the text-to-image page under Streamlit's test: controls, the code shown, bad input."""

import base64
import io
import json
import time
import zipfile

import numpy as np
import pytest
import torch
from helpers import tiny_upscaler
from onscreen import finished, healthy
from onscreen import opened as opened_at
from PIL import Image
from uploads import BAD, encoded, plain

from diffusion_edu.app.common.server_folders import FOLDERS
from diffusion_edu.checkpoints import Card, load, save, vocabulary
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.data.layers import layer_of, painted, to_png, to_url
from diffusion_edu.data.notes import noted, read_note
from diffusion_edu.editing.super_resolution import CONDITIONING_CHANNELS
from diffusion_edu.editing.upscaling import upscale, upscaler
from diffusion_edu.generation import Preset
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.text import tokenizer
from diffusion_edu.text.random_prompts import learn_chain, write_chain

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
from diffusion_edu.app.jobs.task import done_key  # noqa: E402

PAGE, SIZE = "pages/11_Text_to_image.py", 32
SAID = [
    (f"A {colour} {who} rests in the snow.", who, class_name)
    for colour in ("red", "blue")
    for who, class_name in (("fox", "animals"), ("fairy", "beings"))
]
SAID += [
    (f"A {colour} {who} runs in the night.", who, class_name)
    for colour in ("red", "blue")
    for who, class_name in (("fox", "animals"), ("fairy", "beings"))
]
READER = tokenizer.Tokenizer(tokenizer.learn_vocabulary([text for text, _, _ in 3 * SAID]))
IMAGE, MASK = {"start": "image-to-image"}, {"start": "inpainting"}


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path, tiny):
    """A tiny text-to-image model of 32 x 32 pixels, its autoencoder, a Markov chain, and a super-resolution model."""
    from diffusion_edu.app.common import super_resolution_card

    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    monkeypatch.setattr(super_resolution_card, "SHIPPED", "larger")
    coder, text = (
        {"widths": [8, 16], "blocks": [1, 1], "patch": 4},
        {"width": 16, "depth": 1, "head_width": 8, **READER.config},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        latents = {"mean": [0.1, 0.0, 0.0, 0.0], "std": [0.5, 1.0, 1.0, 1.0]}
        made = save(
            tmp_path,
            Card("coder", "C", "autoencoder", coder, "autoencoder", SIZE, latents=latents),
            Autoencoder(**coder),
        )
    for name, seed in (("typist", 0), ("writer", 1)):
        config = {
            "channels": 4,
            "widths": [16, 32],
            "attention": [False, True],
            "patch": 1,
            "embedding": 16,
            "text": text,
        }
        about = {"autoencoder": "coder", "text": READER.card, "training": {"guidance_scale": made.latents}}
        card = Card(
            name, name, "attention_unet", config, "v", 4, 4, sampling={"steps": 3, "guidance_scale": 2.0}, **about
        )
        save(
            tmp_path,
            card,
            tiny(
                seed, **{key: value for key, value in config.items() if key not in ("widths", "attention", "embedding")}
            ),
        )
        vocabulary(tmp_path, name).write_text(READER.text)
    write_chain(tmp_path, "typist", learn_chain(*zip(*SAID, strict=True)).facts)
    config = {"conditioning_channels": CONDITIONING_CHANNELS, "widths": [16, 32], "embedding": 16, "patch": 2}
    card = Card(
        "larger", "Larger", "simple_unet", config, "v", 2 * SIZE, conditioning_image="small", sampling={"steps": 3}
    )
    save(tmp_path, card, tiny(network="simple_unet", conditioning_channels=CONDITIONING_CHANNELS, patch=2))


def opened(**link):
    return finished(begun(**link))


def begun(**link):
    session = [("text.random", bool({"context_words", "prompts"} & link.keys()))]  # whether the popover is open
    return healthy(opened_at(PAGE, session, **{"model": "typist", **link}))


def pressed(app, label):
    button = next(button for button in app.button if button.label == label)
    assert not button.disabled
    return finished(button.click().run())


def result(app):
    return app.session_state["text." + done_key("generation")].result


def animation(app):
    """What the player was given."""
    parts = {element.proto.component_name: json.loads(element.proto.json) for element in app.get("bidi_component")}
    return parts["diffusion_edu_player"]


def tracks(animation):
    """The images of every track of an animation of one image, uint8 (states, 32, 32, 3)."""
    read = {s["name"]: Image.open(io.BytesIO(base64.b64decode(s["sprite"].split(",")[1]))) for s in animation["tracks"]}
    return {name: np.asarray(sheet).reshape(-1, SIZE, SIZE, 3) for name, sheet in read.items()}


def executed(app):
    """Run the code on the page; returns its variables."""
    names = {"print": lambda *words: None}
    exec(app.code[0].value, names)
    return names


def flower():
    from diffusion_edu.app.common import image_picker

    known = image_picker.images(SIZE)
    return known.images[(known.labels == known.classes.index("water lily")).nonzero()[0, 0]]


def paint(app, canvas, layer):
    """Set what the browser sends after a stroke."""
    store = f"text.canvas:{canvas}"
    app.session_state[store] = {**app.session_state[store], "layer": to_url(to_png(layer))}
    return finished(app.run())


def alike(a, b):
    """Whether two images uint8 are equal up to the order of sums in a batch."""
    return (a.float() - b.float()).abs().mean() < 1.5


def spot(top, bottom, colour=(200, 30, 40)):
    """A layer with a block of paint."""
    area = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    area[top:bottom, 10:22] = True
    return layer_of(area, colour)


def said(app):
    return " ".join(each.value for each in app.caption)


# generating


def test_an_image_is_generated_at_once_with_its_settings():
    app = opened()
    able, made = load_text_to_image("typist"), result(app)
    *_, last = walk = list(sample(able.request(app.text_area(key="text.prompt").value, [0])))
    assert torch.equal(made.images, able.images(last.x)) and len(made.frames) == len(walk) == 4
    assert (
        "volcano erupts" in said(app) and "from noise" in said(app) and "typist" in said(app) and "seed 0" in said(app)
    )
    shown = tracks(animation(app))
    for state, x, x0_hat in zip(walk, shown["x"], shown["x0_hat"], strict=True):
        assert np.array_equal(x, able.images(state.x)[0].permute(1, 2, 0)) and np.array_equal(
            x0_hat, able.images(state.x0_hat)[0].permute(1, 2, 0)
        )
    assert animation(healthy(app.run()))["id"] == animation(app)["id"]


def test_nothing_is_generated_before_the_click_and_the_result_keeps_its_own_settings():
    app = opened(prompt="red fox")
    before = result(app)
    finished(app.text_area(key="text.prompt").set_value("blue fairy").run())
    assert (
        result(app) is before
        and "**red fox**" in said(app)
        and "blue fairy" not in said(app)
        and "generated with other settings" in said(app)
    )
    app = pressed(app, "Generate")
    assert (
        result(app) is not before and "**blue fairy**" in said(app) and "generated with other settings" not in said(app)
    )
    assert not torch.equal(result(app).images, before.images)


def test_a_batch_has_one_seed_per_image_and_each_image_can_be_shown():
    app = opened(images="3 images", seed="7", prompt="red fox")
    made = result(app)
    assert made.job.seeds == [7, 8, 9] and "seeds 7 to 9" in said(app)
    for k, seed in enumerate((7, 8, 9)):
        alone = result(opened(seed=str(seed), prompt="red fox")).images
        assert alike(alone[0], made.images[k]) and not alike(alone[0], made.images[k - 1])
        finished(app.segmented_control(key="text.shown of 3").set_value(k + 1).run())
        assert np.array_equal(tracks(animation(app))["x"][-1], made.images[k].permute(1, 2, 0))


LINKS = [
    {"images": "2 images", "negative": "blue snow", "seed": "5", "guidance_scale": "3.0"},
    {"sampler": "DDPM", "steps": "5", "prompt": 'a "red" fox\nin \\ the night'},
    {**IMAGE, "strength": "0.35", "images": "2 images"},
    {**IMAGE, "strength": "0.7", "noisy": "false"},
    {**IMAGE, "strength": "0.0"},
    {**MASK, "repeats": "3", "jump": "2"},
    {**MASK, "hole": "frame", "images": "2 images"},
]


@pytest.mark.parametrize("link", LINKS, ids=str)
def test_the_code_generates_the_images_of_the_page(link):
    app = opened(**link)
    assert torch.equal(executed(app)["images"], result(app).images)
    assert animation(app)["timesteps"] == result(app).job.timesteps


def test_the_code_contains_painted_and_generated_input_images():
    app = paint(opened(**IMAGE, prompt="red fox"), "text_to_image input", spot(3, 12))
    app = pressed(app, "Generate")
    first = result(app).images
    assert torch.equal(executed(app)["images"], first)
    app = pressed(app, "Start from it")
    assert app.session_state["text.source"] == "your last sample"
    assert torch.equal(app.session_state["text.start_image"].image, first[0])
    app.segmented_control(key="text.start").set_value("inpainting").run()
    app = pressed(app, "Generate")
    assert torch.equal(result(app).job.start.subject.image, first[0]) and torch.equal(
        executed(app)["images"], result(app).images
    )


def test_image_to_image_changes_the_image_by_the_strength():
    app = opened(**IMAGE, strength="0.0")
    assert torch.equal(result(app).images[0], flower()) and animation(app)["timesteps"] == [0]
    app.slider(key="text.strength").set_value(1.0).run()
    all_noise = result(pressed(app, "Generate")).images
    assert torch.equal(all_noise, result(opened()).images)
    app = paint(app, "text_to_image input", spot(0, 9))
    app.slider(key="text.strength").set_value(0.0).run()
    assert torch.equal(result(pressed(app, "Generate")).images[0], painted(flower(), spot(0, 9)))


def test_image_to_image_with_and_without_noise_differ_and_are_labelled():
    app = opened(**IMAGE, prompt="red fox")
    before = result(app).images
    app.toggle(key="text.noisy").set_value(False).run()
    app = pressed(app, "Generate")
    assert "without added noise" in said(app) and not torch.equal(result(app).images, before)


@pytest.mark.parametrize(("mask", "repeats"), [("disc", "1"), ("half", "2"), ("frame", "1")])
def test_outside_the_mask_every_byte_is_unchanged_and_inside_it_is_new(mask, repeats):
    from diffusion_edu.app.common.edit_controls import MASKS

    images, inside = result(opened(**MASK, hole=mask, repeats=repeats, images="2 images")).images, MASKS[mask](SIZE)
    assert torch.equal(images[:, :, ~inside], flower()[:, ~inside].expand(2, -1, -1))
    assert (images[:, :, inside] != flower()[:, inside]).float().mean() > 0.9 and not torch.equal(*images)


def test_a_mask_is_painted_and_one_of_another_size_is_scaled():
    app = pressed(paint(opened(**MASK), "text_to_image mask", spot(0, 10)), "Generate")
    outside = spot(0, 10)[3] == 0
    assert torch.equal(result(app).images[0][:, outside], flower()[:, outside])
    app = opened(**MASK, hole="file")
    mask = Image.new("RGB", (300, 150))
    mask.paste("white", (150, 0, 300, 150))
    app.file_uploader(key="text.mask").set_value(("mask.png", encoded(mask, "PNG"), "image/png")).run()
    assert "300 x 150 pixels" in said(app)
    left = torch.arange(SIZE) < SIZE // 2
    assert torch.equal(result(pressed(app, "Generate")).images[0][:, :, left], flower()[:, :, left])


def test_an_empty_mask_gets_one_sentence():
    app = paint(opened(**MASK), "text_to_image mask", torch.zeros(4, SIZE, SIZE, dtype=torch.uint8))
    assert "The mask is empty" in app.info[0].value and next(b for b in app.button if b.label == "Generate").disabled


# every control


WIDGETS = [
    ("selectbox", "model", "writer"),
    ("selectbox", "sampler", "Heun"),
    ("select_slider", "steps", 5),
    ("slider", "guidance_scale", 8.0),
    ("slider", "eta", 1.0),
    ("number_input", "seed", 1_000_000),
    ("selectbox", "schedule", "flow"),
    ("selectbox", "spacing", "log-SNR"),
    ("select_slider", "timesteps", 100),
    ("toggle", "zero_snr", True),
    ("text_area", "prompt", "blue fairy"),
    ("text_input", "negative", "snow"),
    ("selectbox", "images", 8),
]


@pytest.mark.parametrize(("widget", "key", "value"), WIDGETS, ids=lambda value: str(value))
def test_every_control_changes_the_result(widget, key, value):
    app = opened(prompt="red fox", sampler="DDIM")
    before = result(app)
    getattr(app, widget)(key=f"text.{key}").set_value(value).run()
    app = pressed(app, "Generate")
    assert animation(app)["id"] != before.job.id and not torch.equal(result(app).images, before.images)
    assert torch.equal(executed(app)["images"], result(app).images)


def test_a_link_with_nonsense_in_it_opens_the_default():
    nonsense = dict.fromkeys(
        ("seed", "images", "start", "sampler", "steps", "guidance_scale", "upscale", "frame_rate", "strength"), "x y"
    )
    assert result(opened(**nonsense)).job.id == result(opened()).job.id


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "The prompt is empty: the image is unconditional"),
        (" \n ", "The prompt is empty: the image is unconditional"),
        ("red fox in the snow " * 500, "The prompt is long"),
        ("красная лиса 紅狐", "No caption that the model learned from has"),
        ("zzz 7 qqq", "No caption that the model learned from has"),
        ("**bold** [x](y) $a$ <b>red</b> `fox` :smile:", ""),
    ],
    ids=["empty", "blank", "10,000 characters", "scripts", "unknown", "markup"],
)
def test_odd_prompts_make_images_and_get_a_note(prompt, words):
    app = opened()
    app.text_area(key="text.prompt").set_value(prompt).run()
    app.text_input(key="text.negative").set_value(prompt).run()
    app = pressed(app, "Generate")
    assert result(app).images.shape == (1, 3, SIZE, SIZE) and words in said(app).replace("\\", "")
    assert len(said(app)) < 4000 and torch.equal(executed(app)["images"], result(app).images)


def test_a_negative_prompt_without_effect_gets_a_note():
    assert "has an effect only at a guidance scale above 1" in said(
        opened(negative="snow", guidance_scale="1.0")
    ).replace("\\", "")
    assert "they cancel" in said(opened(prompt="red fox", negative="red fox")).replace("\\", "")


# random prompts


@pytest.mark.parametrize("order", [1, 5])
def test_the_markov_chain_makes_prompts_of_the_chosen_categories(order):
    app = opened(context_words=str(order))
    for _ in range(5):
        next(pills for pills in app.pills if pills.label == "Categories").set_value(["animals"]).run()
        app = pressed(app, "Random prompt")
        assert "fox" in app.text_area(key="text.prompt").value and "fairy" not in app.text_area(key="text.prompt").value
    assert "volcano erupts" in said(app)  # nothing was generated yet


def test_unseen_and_training_prompts_come_from_files(tmp_path):
    app = opened(prompts="unseen")
    assert "upload a file" in app.info[0].value
    (tmp_path / "typist.unseen.json").write_text(
        json.dumps({"animals": {"owl": ["An owl hoots."]}, "beings": {"elf": ["An elf sings."]}})
    )
    app = healthy(app.run())
    next(pills for pills in app.pills if pills.label == "Categories").set_value(["beings"]).run()
    assert pressed(app, "Random prompt").text_area(key="text.prompt").value == "An elf sings."
    app = opened(prompts="training")
    app.file_uploader(key="text.prompt file training").set_value(("mine.txt", b"One tree.\n", "text/plain")).run()
    assert pressed(app, "Random prompt").text_area(key="text.prompt").value == "One tree."
    for name, data in (("x.json", b"{"), ("x.parquet", b"no"), ("x.txt", b"")):
        healthy(app.file_uploader(key="text.prompt file training").set_value((name, data, "text/plain")).run())
        assert app.info[0].value.endswith(".") and "prompt" in app.info[0].value.lower()


def test_a_model_without_a_chain_says_so():
    assert "has no random prompts" in opened(model="writer", prompts="Markov chain").info[0].value


# downloads


def test_a_png_carries_its_settings_and_the_page_reads_them():
    app = opened(
        prompt="blue fairy",
        negative="snow",
        seed="9",
        sampler="DDPM",
        steps="5",
        guidance_scale="3.5",
        images="2 images",
        timesteps="300",
    )
    data = result(app).png(1)
    about = read_note(data)
    assert (about["prompt"], about["negative"], about["seed"], about["model"], about["preset"]["steps"]) == (
        "blue fairy",
        "snow",
        10,
        "typist",
        5,
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), result(app).images[1].permute(1, 2, 0))
    other = opened(prompt="red fox")
    other.file_uploader(key="text.png_settings").set_value(("a.png", data, "image/png")).run()
    assert any("press Generate" in info.value for info in other.info)
    again = result(pressed(other, "Generate"))
    assert again.job.request.settings == {**result(app).job.request.settings, "seed": 10}
    assert alike(again.images[0], result(app).images[1])


def test_settings_that_do_not_fit_are_ignored():
    app, blank = opened(), np.zeros((2, 2, 3), np.uint8)
    first = result(app).job.id
    preset = {
        "sampler": "x",
        "steps": 7,
        "guidance_scale": 1e9,
        "T": "many",
        "options": {"eta": None},
        "spacing": [],
        "schedule": {},
        "zero_snr": 5,
    }
    for about in (
        {"prompt": 5, "seed": -1, "preset": preset, "model": "gone"},
        {"preset": 3, "seed": True, "begin": "an image"},
    ):
        finished(
            app.file_uploader(key="text.png_settings").set_value(("a.png", noted(blank, about), "image/png")).run()
        )
        words = "is not installed" if "model" in about else "began with an image"
        assert any(words in info.value for info in app.info)
        assert result(pressed(app, "Generate")).job.id == first
    for data in (b"", b"no", encoded(plain(), "PNG"), encoded(plain(), "JPEG"), noted(blank, [1])):
        finished(app.file_uploader(key="text.png_settings").set_value(("a.png", data, "image/png")).run())
        assert any("choose" in info.value for info in app.info)


def test_a_zip_holds_the_batch_and_videos_have_the_chosen_frame_rate():
    made = result(opened(images="3 images", seed="4"))
    with zipfile.ZipFile(io.BytesIO(made.zip())) as folder:
        assert folder.namelist() == ["seed_4.png", "seed_5.png", "seed_6.png", "settings.json"]
        assert (
            read_note(folder.read("seed_6.png"))["seed"] == 6
            and json.loads(folder.read("settings.json"))["images"] == 3
        )
        assert np.array_equal(np.asarray(Image.open(folder.open("seed_5.png"))), made.images[1].permute(1, 2, 0))
    for rate in (2, 4):
        animation = Image.open(io.BytesIO(made.gif(rate)))
        assert animation.n_frames == 4 and animation.info["duration"] == 1000 / rate
    assert made.mp4(12)[4:8] == b"ftyp"
    assert len(made.video_frames()) == 4 and made.video_frames()[0].shape == (2 * SIZE + 2, 2 * (2 * SIZE + 2) + 6, 3)


def test_of_many_sampling_steps_some_are_kept_including_both_ends():
    app = opened(steps="100", images="8 images")
    made = result(app)
    assert len(made.frames) == 20 and animation(app)["timesteps"][0] == 1000 and animation(app)["timesteps"][-1] == 0
    assert torch.equal(executed(app)["images"], made.images)


# upscaling


@pytest.mark.parametrize(("times", "factor"), [("2 ×", 2), ("4 ×", 4)])
def test_an_image_is_upscaled_by_our_model(times, factor):
    app = opened(upscale=times, images="2 images", seed="3", upscale_steps="2")
    finished(app.segmented_control(key="text.shown of 2").set_value(2).run())
    assert not any("Larger" in caption.value for caption in app.caption)
    app = pressed(app, "Upscale")
    *_, last = upscale(
        load("larger"), Preset(steps=2, guidance_scale=1.0), to_signed(result(app).images[[1]]), [4], factor
    )
    assert torch.equal(executed(app)["large"], to_bytes(last.x)) and last.x.shape[-1] == factor * SIZE
    assert torch.equal(app.session_state["text." + done_key("upscaling")].result, to_bytes(last.x))
    assert f"seed 4, {factor * SIZE} × {factor * SIZE}" in said(app)
    finished(app.segmented_control(key="text.shown of 2").set_value(1).run())
    assert "seed 4," not in said(app) and "upscale" not in app.code[0].value  # the other image is not larger


def test_an_image_is_upscaled_by_a_weight_file(tmp_path, monkeypatch):
    pytest.importorskip("spandrel")
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    path = tmp_path / "own.pth"
    torch.save(tiny_upscaler(4).state_dict(), path)
    app = opened(upscale="4 ×", upscaler="a weight file")
    assert "upload the file" in app.info[0].value
    app.text_input(key="text.weights").set_value(str(path)).run()
    app = pressed(app, "Upscale")
    expected = to_bytes(upscaler(path)(to_signed(result(app).images), 4))
    assert torch.equal(app.session_state["text." + done_key("upscaling")].result, expected) and torch.equal(
        executed(app)["large"], expected
    )
    app.file_uploader(key="text.weight file").set_value(
        ("own.pth", path.read_bytes(), "application/octet-stream")
    ).run()
    app = pressed(app, "Upscale")
    assert "Compact x4" in said(app)
    for name, data in (("x.pth", b"no"), ("x.safetensors", b""), ("x.txt", b"hello")):
        finished(app.file_uploader(key="text.weight file").set_value((name, data, "application/octet-stream")).run())
        assert len(app.error) == 1 and name in app.error[0].value and app.error[0].value.endswith(".")


def test_without_the_super_resolution_model_there_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "larger.safetensors").unlink()
    monkeypatch.setattr("diffusion_edu.checkpoints.PRETRAINED", tmp_path / "none")
    assert "train super_resolution" in opened(upscale="2 ×").info[0].value


# bad input and missing files


def test_files_that_are_no_images_get_one_sentence():
    app = opened(**MASK, hole="file", source="a file")
    for key in ("file", "mask"):
        for data, _ in BAD.values():
            finished(app.file_uploader(key=f"text.{key}").set_value(("x.png", data, "image/png")).run())
            assert len(app.error) == 1 and app.error[0].value.endswith(".")
        finished(app.file_uploader(key=f"text.{key}").set_value(("x.png", encoded(plain(), "PNG"), "image/png")).run())


def test_transparent_and_animated_images_are_used_and_the_page_says_how():
    app = opened(**IMAGE, source="a file", strength="0.0")
    clear = Image.new("RGBA", (SIZE, SIZE), (255, 0, 0, 0))
    app.file_uploader(key="text.file").set_value(("x.png", encoded(clear, "PNG"), "image/png")).run()
    assert "transparent, laid on white" in said(app) and result(pressed(app, "Generate")).images.min() == 255
    file, frames = io.BytesIO(), [Image.new("RGB", (SIZE, SIZE), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    app.file_uploader(key="text.file").set_value(("x.gif", file.getvalue(), "image/gif")).run()
    assert "the first frame" in said(app)


@pytest.mark.parametrize("name", ["typist.safetensors", "coder.safetensors", "typist.tokenizer.json"])
def test_altered_files_get_one_sentence_and_restored_ones_work(name, tmp_path):
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-1] + b"?")
    app = opened()
    assert len(app.error) == 1 and name in app.error[0].value and "restore" in app.error[0].value
    (tmp_path / name).write_bytes(whole)
    assert result(finished(app.run())).images.shape == (1, 3, SIZE, SIZE)


def test_without_a_text_to_image_model_there_is_one_sentence(tmp_path, monkeypatch):
    for place in ("OWN", "PRETRAINED"):
        monkeypatch.setattr(f"diffusion_edu.checkpoints.{place}", tmp_path / "none")
    assert "train text_to_image" in opened().error[0].value


def test_a_cancelled_generation_waits_for_the_button(monkeypatch):
    from diffusion_edu.app.text_to_image.start import FromNoise

    plain_generation = FromNoise.generation

    def slowly(self, prompt_request):
        generation = plain_generation(self, prompt_request)
        return type(generation)((time.sleep(0.2) or state for state in generation.states), generation.decode)

    monkeypatch.setattr(FromNoise, "generation", slowly)
    app = begun()
    job = app.session_state["text.job:generation"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and "text." + done_key("generation") not in app.session_state
    monkeypatch.setattr(FromNoise, "generation", plain_generation)
    assert "text." + done_key("generation") not in finished(app.run()).session_state
    assert result(pressed(app, "Generate"))


def test_ten_sessions_share_one_model_and_one_worker(monkeypatch):
    from diffusion_edu.app.jobs import worker
    from diffusion_edu.app.text_to_image import request

    loads, load_one = [], request.load_text_to_image
    monkeypatch.setattr(request, "load_text_to_image", lambda name: loads.append(name) or load_one(name))
    apps = [begun(seed=str(seed)) for seed in range(10)]
    sampled = [result(finished(app)) for app in apps]
    assert loads == ["typist"] and worker.WORKER._max_workers == 1
    assert [each.job.seeds for each in sampled] == [[seed] for seed in range(10)]
    assert len({each.images.numpy().tobytes() for each in sampled}) == 10


@pytest.mark.parametrize(
    ("size", "brush", "widths"), [(32, 8, [1, 2, 4, 8, 16]), (64, 8, [1, 2, 4, 8, 16]), (128, 16, [2, 4, 8, 16, 32])]
)
def test_brushes_are_as_wide_for_a_large_image_as_for_a_small_one(size, brush, widths):
    def canvas(size):
        import torch

        from diffusion_edu.app.components.canvas import widget as canvas

        canvas.paint_mask("some", torch.zeros(3, size, size, dtype=torch.uint8))

    app = healthy(AppTest.from_function(canvas, kwargs={"size": size}).run())
    data = json.loads(app.get("bidi_component")[0].proto.json)
    assert (data["brush"], data["brushes"]) == (brush, widths)


def test_the_result_is_still_there_after_a_visit_to_another_tab():
    app = paint(opened(**IMAGE, images="2 images", strength="0.4"), "text_to_image input", spot(3, 12))
    app = pressed(app, "Generate")
    before = result(app)
    for tab in ("Latents", "Generate"):
        app.session_state["text.tab"] = tab
        finished(app.run())
    assert result(app) is before and "generated with other settings" not in said(app)
    assert animation(app)["id"] == f"{before.job.id}-0"
