"""The tabs Latents and Nearest training images of the text-to-image page, with a tiny model."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_text_to_image import CAPTIONS, CODER, PROMPT, keep_talker
from uploads import BAD, encoded, plain

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.common.server_folders import FOLDERS
from diffusion_edu.checkpoints import load, read_card, save_card
from diffusion_edu.data.captions import Captioned
from diffusion_edu.data.images import held_out, to_bytes, to_signed
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.neighbours import memorisation_threshold, nearest
from diffusion_edu.evaluation.training_images import decode_training_images, find_training_latents
from diffusion_edu.latent.codec import load_codec, scale_channel, swap_positions
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.recipes.latents import encode_sets, write_latents
from diffusion_edu.text import tokenizer

pytest.importorskip("streamlit.testing.v1")
from onscreen import finished, opened  # noqa: E402

from diffusion_edu.app.common import image_picker
from diffusion_edu.app.jobs.task import done_key
from diffusion_edu.app.text_to_image import latent_images, memorisation

PAGE, SIZE = "pages/11_Text_to_image.py", 16
LATENTS, NEAREST = {"tab": "Latents"}, {"tab": "Nearest training images"}


@pytest.fixture(autouse=True)
def talker(monkeypatch, tmp_path, tiny):
    """A tiny text-to-image model instead of the large one."""
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    keep_talker(tmp_path, tiny)


def at(link, typed="", **more):
    """Open a tab; typed: a path in an open folder."""
    session = [("text.nearest_path", typed)] if typed else []
    return finished(opened(PAGE, session, **{"model": "talker", "prompt": PROMPT, "seed": "0", **link, **more}))


def flower():
    known = image_picker.images(SIZE)
    return known.images[(known.labels == known.classes.index("water lily")).nonzero()[0, 0]]


def executed(app):
    """Run the code on the page; returns its variables."""
    names = {"print": lambda *words: None}
    exec(app.code[0].value, names)
    return names


def said(app):
    return " ".join(part.value for part in (*app.markdown, *app.caption))


def html(app):
    return " ".join(part.proto.body for part in app.get("html"))


def images_of(page):
    """The images of a table, as their pixels (h, w, 3), every second one in both ways: they are shown at zoom 2."""
    urls = [part.split('"')[0] for part in page.split('src="data:image/png;base64,')[1:]]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(url))))[::2, ::2] for url in urls]


def animation(app):
    parts = {part.proto.component_name: json.loads(part.proto.json) for part in app.get("bidi_component")}
    return parts["diffusion_edu_player"]


def tracks(animation):
    read = {s["name"]: Image.open(io.BytesIO(base64.b64decode(s["sprite"].split(",")[1]))) for s in animation["tracks"]}
    return {
        name: torch.from_numpy(np.asarray(sheet).reshape(-1, SIZE, SIZE, 3).copy()).permute(0, 3, 1, 2)
        for name, sheet in read.items()
    }


def generated(seed=0, count=1):
    text_to_image = load_text_to_image("talker")
    sampled = sample(text_to_image.request(PROMPT, range(seed, seed + count)))
    return text_to_image, sampled, list(sampled)


# Reconstruction


def test_an_image_is_reconstructed_from_latents_with_the_right_numbers():
    app, coder, image = at(LATENTS), load_codec(CODER), flower()[None]
    latents = coder.encode(to_signed(image))
    back = to_bytes(coder.decode(latents))
    assert f"**{psnr(to_signed(back), to_signed(image)).item():.1f} dB**" in said(
        app
    ) and f"{latents.numel():,} numbers" in said(app)
    whole = images_of(html(app))
    assert np.array_equal(whole[0], image[0].permute(1, 2, 0).numpy()) and np.array_equal(
        whole[2], back[0].permute(1, 2, 0).numpy()
    )
    channels = whole[6:10]
    assert all(
        np.array_equal(shown, to_bytes(channel.expand(3, -1, -1) / 3).permute(1, 2, 0).numpy())
        for shown, channel in zip(channels, latents[0], strict=True)
    )
    names = executed(app)
    assert torch.equal(names["decoded"], back) and torch.equal(names["latents"], latents)
    assert f"192 numbers, {psnr(to_signed(names['bicubic']), to_signed(image)).item():.1f} dB" in html(app)
    assert 'alt="' in html(app) and 'alt=""' not in html(app)


def test_the_sample_is_one_of_the_images():
    app = at(LATENTS, source="your last sample")
    text_to_image, sampled, states = generated()
    image = sampled.decode(states[-1].x)
    assert np.array_equal(images_of(html(app))[0], image[0].permute(1, 2, 0).numpy())
    names = executed(app)
    assert torch.equal(names["image"], image[0]) and torch.equal(
        names["latents"], text_to_image.codec.encode(to_signed(image))
    )
    assert "was decoded from latents" in said(app)


def test_maps_have_the_right_grey_and_the_right_position():
    latents = torch.stack([torch.full((2, 2), value) for value in (0.0, -3.0, 3.0, 9.0)])
    assert latent_images.maps(latents).flatten(1)[:, 0].tolist() == [128, 0, 255, 255]
    page = latent_images.tiled_maps(latents, 16)
    assert page.shape == (3, 16, 16) and [page[0, y, x].item() for y, x in ((2, 2), (2, 13), (13, 2), (13, 13))] == [
        128,
        0,
        255,
        255,
    ]
    assert (page[:, :, 7] == 0).all() and (page[:, :, 8] == 255).all() and (page[:, 8, :7] == 255).all()
    assert (
        latent_images.tiled_maps(torch.zeros(3, 4, 4), 16).shape == (3, 16, 16)
        and latent_images.tiled_maps(torch.zeros(1, 4, 4), 16).eq(128).all()
    )
    assert latent_images.as_colours(latents)[:, 0, 0].tolist() == [128, 0, 255] and latent_images.as_colours(
        latents[:1]
    ).shape == (3, 2, 2)


# Edits


EDITS = {
    "multiply": lambda z, value: scale_channel(z, 2, times=value),
    "add": lambda z, value: scale_channel(z, 2, plus=value),
    "swap": lambda z, value: swap_positions(z, (4, 0), (1, 7)) if value else z,
    "noise": lambda z, value: z + value * SeededNoise([5])(z),
}


@pytest.mark.parametrize("operation", EDITS)
def test_every_state_of_an_edit_is_the_decoded_image(operation):
    link = {"channel": "3", "row": "5", "column": "1", "second_row": "2", "second_column": "8", "seed": "5"}
    app, coder, image = at(LATENTS, latents_view=operation, **link), load_codec(CODER), flower()[None]
    latents, shown = coder.encode(to_signed(image)), animation(app)
    edited = [EDITS[operation](latents, value) for value in shown["timesteps"]]
    wanted = torch.cat([to_bytes(coder.decode(each)) for each in edited])
    assert torch.equal(tracks(shown)["image"], wanted) and len(shown["says"]) == len(wanted)
    assert torch.equal(
        tracks(shown)["latents"], torch.stack([latent_images.tiled_maps(each[0], SIZE) for each in edited])
    )
    names = executed(app)
    assert torch.equal(names["images"], wanted) and names["values"] == shown["timesteps"]
    nothing = shown["timesteps"].index(1 if operation == "multiply" else 0)
    assert tracks(shown)["difference"][nothing].max() == 0 and tracks(shown)["difference"][shown["start"]].max() > 0
    assert shown["tracks"][1]["says"][nothing].startswith("RMS difference 0 of 255\n0% of the pixels")


def test_a_swap_changes_two_positions_and_a_scaling_one_channel():
    z = torch.arange(32.0).view(1, 2, 4, 4)
    there = swap_positions(z, (0, 1), (3, 2))
    assert there[0, :, 0, 1].tolist() == z[0, :, 3, 2].tolist() and there[0, :, 3, 2].tolist() == z[0, :, 0, 1].tolist()
    assert (
        (there != z).sum() == 4
        and torch.equal(swap_positions(there, (3, 2), (0, 1)), z)
        and torch.equal(swap_positions(z, (1, 1), (1, 1)), z)
    )
    moved = scale_channel(z, 1, times=2.0, plus=-1.0)
    assert torch.equal(moved[:, 0], z[:, 0]) and torch.equal(moved[:, 1], 2 * z[:, 1] - 1) and z.max() == 31


# Sampling


def test_noisy_latents_are_those_of_the_walk_and_decoded_at_every_timestep():
    app = at(LATENTS, latents_view="sampling", steps="4")
    text_to_image, _, _ = generated()
    sampled = sample(text_to_image.request(PROMPT, [0], replace(text_to_image.preset, steps=4)))
    states, shown = list(sampled), animation(app)
    seen = tracks(shown)
    assert shown["timesteps"] == [state.t for state in states]
    assert torch.equal(seen["x"], torch.cat([sampled.decode(state.x) for state in states]))
    assert torch.equal(seen["x0_hat"], torch.cat([sampled.decode(state.x0_hat) for state in states]))
    assert torch.equal(seen["maps"], torch.stack([latent_images.tiled_maps(state.x[0], SIZE) for state in states]))
    assert shown["tracks"][0]["says"][0] == f"standard deviation {states[0].x.std():.2f}"
    assert torch.equal(executed(app)["image"], seen["x"][-1:])


def test_of_many_timesteps_some_are_kept_including_both_ends():
    shown = animation(at(LATENTS, latents_view="sampling", steps="100"))
    assert len(shown["timesteps"]) == 41 and (shown["timesteps"][0], shown["timesteps"][-1]) == (1000, 0)


def test_unknown_characters_get_a_note():
    assert "left out" in said(at(LATENTS, latents_view="sampling", prompt="a red tiger Ω"))


# Widgets, links and files


WIDGETS = [
    ("multiply", "segmented_control", "channel", "4"),
    ("swap", "number_input", "row", 8),
    ("swap", "number_input", "second_column", 1),
    ("noise", "number_input", "seed", 7),
    ("add", "selectbox", "class_name", "rose"),
    ("add", "slider", "number", 2),
    ("sampling", "number_input", "seed", 7),
    ("sampling", "text_area", "prompt", ""),
    ("sampling", "slider", "guidance_scale", 1.0),
]


@pytest.mark.parametrize(("view", "widget", "key", "value"), WIDGETS, ids=str)
def test_every_widget_may_be_used(view, widget, key, value):
    app = at(LATENTS, latents_view=view)
    before = animation(app)["id"]
    finished(getattr(app, widget)(key=f"text.{key}").set_value(value).run())
    assert animation(app)["id"] != before


@pytest.mark.parametrize("view", ["reconstruction", *EDITS, "sampling", "x y"])
def test_links_open_each_view_also_with_nonsense_in_them(view):
    nonsense = dict.fromkeys(("channel", "row", "class_name", "number", "source"), "x y")
    app = at(LATENTS, latents_view=view, **nonsense)
    assert not app.error and len(app.code) > 1


def test_a_file_is_used_or_refused_in_one_sentence():
    app = at(LATENTS, source="a file")
    for data in [data for data, _ in BAD.values()][:3]:
        finished(app.file_uploader[0].set_value(("x.png", data, "image/png")).run())
        assert len(app.error) == 1 and app.error[0].value.endswith(".") and "dB" in said(app)
    finished(app.file_uploader[0].set_value(("x.png", encoded(plain(), "PNG"), "image/png")).run())
    assert not app.error and "read_upload" in app.code[0].value


def test_without_the_autoencoder_there_is_one_sentence(tmp_path):
    (tmp_path / f"{CODER}.safetensors").unlink()
    for link in (LATENTS, NEAREST):
        app = at(link)
        assert CODER in " ".join(problem.value for problem in app.error)


# Nearest training images


def scenes(n=70):
    """Images of a set with captions of their own; the first two are the same."""
    images = torch.randint(0, 256, (n, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    images[1] = images[0]
    return Captioned(images, tuple((CAPTIONS[k % 5],) for k in range(n)), ("",) * n, ("",) * n, "scenes")


@pytest.fixture
def trained(tmp_path):
    """What a training would have left: the latents of its images, and a card that says of which autoencoder."""
    card, coder = read_card(tmp_path / "talker.json"), read_card(tmp_path / f"{CODER}.json")
    save_card(tmp_path, replace(card, training={"scale": coder.latents}, data={"images": 140}))
    text = (tmp_path / "talker.tokenizer.json").read_text()
    facts = {"autoencoder": CODER, "scale": coder.latents, "vocabulary": text}
    sets = [replace(scenes(), made=True, source="flowers"), scenes()]
    write_latents(
        tmp_path / "talker" / "training" / "latents.safetensors",
        encode_sets(sets, load_codec(CODER), tokenizer.Tokenizer(text), lambda items, words: items, **facts),
    )
    return tmp_path / "talker" / "training" / "latents.safetensors"


def test_training_latents_are_found_and_decoded_once(trained, tmp_path):
    card = read_card(tmp_path / "talker.json")
    assert (
        find_training_latents(card) == [trained]
        and find_training_latents(replace(card, text={"sha256": "other"}))
        == find_training_latents(replace(card, training={}))
        == []
    )
    *_, found = decode_training_images(trained, load_codec(CODER))
    learned = ~held_out(scenes())
    wanted = to_bytes(load_codec(CODER).decode(load_codec(CODER).encode(to_signed(scenes().images[learned])).half()))
    assert found.found == len(found.images) == 2 * learned.sum() and found.files[0] == "flowers, 1"
    assert (found.images.images[: len(wanted)].int() - wanted.int()).abs().max() <= 1
    *_, some = decode_training_images(trained, load_codec(CODER), most=20)
    assert len(some.files) == 20 and all(name.startswith("scenes") for name in some.files) and some.found == found.found
    (tmp_path / "broken" / "training").mkdir(parents=True)
    (tmp_path / "broken" / "training" / "latents.safetensors").write_bytes(b"no latents")
    assert find_training_latents(card) == [trained]


def test_the_nearest_training_latents_are_shown(trained, monkeypatch):
    app = at(NEAREST, nearest_count="2", nearest_limit="250")
    finished(next(button for button in app.button if button.label == "Find nearest").click().run())
    found = app.session_state["text." + done_key("nearest")].result
    _, sampled, states = generated(count=2)
    feature_network = load("flower_features")
    *_, known = decode_training_images(trained, load_codec(CODER), 250)
    mine, theirs = (
        describe(feature_network, images).features for images in (sampled.decode(states[-1].x), known.images.images)
    )
    distances, rows = nearest(mine, theirs)
    assert torch.equal(found.images, sampled.decode(states[-1].x)) and torch.equal(
        found.neighbours, known.images.images[rows]
    )
    assert (
        torch.allclose(found.distances, distances)
        and found.limit == pytest.approx(memorisation_threshold(theirs))
        and found.limit > 0
    )
    assert "2 samples are nearer" in said(app) and "140 images" in said(app)
    assert torch.allclose(executed(app)["distances"], distances)


def test_images_at_a_path_are_compared_and_memorised_samples_are_found(tmp_path):
    text_to_image, sampled, states = generated(seed=3, count=2)
    (tmp_path / "set").mkdir()
    for k, image in enumerate([*sampled.decode(states[-1].x), *scenes(20).images]):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / "set" / f"{k:02}.png")
    app = at(NEAREST, str(tmp_path / "set"), nearest_count="2", seed="3")
    finished(next(button for button in app.button if button.label == "Find nearest").click().run())
    assert app.session_state["text." + done_key("nearest")].result.files == [
        "00.png",
        "01.png",
    ] and "**2 of 2 samples are nearer" in said(app)
    assert (executed(app)["rows"] == torch.tensor([0, 1])).all()


def test_without_images_the_scores_of_the_card_are_shown(tmp_path):
    app = at(NEAREST)
    assert any("belong to others" in info.value for info in app.info) and "has not been measured yet" in said(app)
    assert next(button for button in app.button if button.label == "Find nearest").disabled
    rows = {"memorised": 0.004, "nearest": 1.1, "own_image": 0.0}
    card = read_card(tmp_path / "talker.json")
    save_card(
        tmp_path,
        replace(
            card,
            data={"images": 1327},
            scores=rows | {"training_prompts": {**rows, "memorised": 0.02, "own_image": 0.25}},
        ),
    )
    app = at(NEAREST)
    assert "1,327 images" in said(app) and all(number in html(app) for number in ("0.4%", "2.0%", "1.10 ×", "25.0%"))


def test_pairs_of_an_evaluation_on_this_computer_are_shown(tmp_path):
    (tmp_path / "evaluation").mkdir()
    Image.new("RGB", (64, 32)).save(tmp_path / "evaluation" / "talker.unseen.png")
    app = at(NEAREST)
    assert [part.label for part in app.expander if "evaluation" in part.label] == [
        "Pairs of the last evaluation: new prompts"
    ]


@pytest.mark.parametrize("path", ["/nowhere/at/all", "a\0b", "~nobody/x"])
def test_a_bad_path_gets_one_sentence(path):
    app = at(NEAREST, path)
    assert len(app.error) == 1 and "check the path" in app.error[0].value


def test_a_folder_without_images_gets_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    app = at(NEAREST, str(tmp_path / "empty"))
    finished(next(button for button in app.button if button.label == "Find nearest").click().run())
    assert len(app.error) == 1 and app.error[0].value.endswith(".")


def test_without_the_classifier_there_is_one_sentence(monkeypatch):
    monkeypatch.setitem(memorisation.CLASSIFIERS, "flowers", ("nobody", "nobody"))
    app = at(NEAREST)
    assert any("'nobody'" in info.value for info in app.info) and not app.error


def test_duplicate_images_do_not_hide_memorised_samples():
    real = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    alone = nearest(real, real, exclude_self=True)[0][40:]
    assert (
        memorisation_threshold(torch.cat([real, real[:40]])) == pytest.approx(alone.quantile(0.01).item(), abs=1e-3)
        and alone.quantile(0.01) > 0.1
    )
    assert memorisation_threshold(torch.zeros(5, 3)) == memorisation_threshold(real[:1]) == 0
