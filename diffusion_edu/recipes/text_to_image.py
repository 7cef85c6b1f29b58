"""Train the latent U-Net that draws what a text says: `python -m diffusion_edu.recipes.text_to_image --data FILE FILE --autoencoder NAME`."""

import argparse
import json
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.checkpoints import load, vocabulary, write_safely
from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.latent.codec import load_codec, latent_statistics
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes import command_line
from diffusion_edu.recipes.model_setup import build, describe
from diffusion_edu.recipes.latents import encoded, learned_from, read_latents, write_latents
from diffusion_edu.recipes.run import Recipe, Run, earlier, under_way
from diffusion_edu.text.random_prompts import write_chain
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.perceptual import Hybrid
from diffusion_edu.training.perceptual import decoder_features

OWN, CLIP, ALONE = "own", "clip", "alone"
AUTOENCODER, LATENTS = "autoencoder", "latents.safetensors"
DEFAULT = ("five flowers", "flowers")  # public sets
FEW = 256  # held-out latents that the validation loss is of


def sampled(run, count, path):
    """Save what is sampled for prompts that stay the same from sheet to sheet, eight in a row, seeds from 0."""
    latents, model, sheet = run.images, run.model, []
    for rows in latents.prompts[:count].long().split(8):
        *_, last = generate(
            model, Preset(**model.card.sampling), range(8 * len(sheet), 8 * len(sheet) + len(rows)), latents.told(rows)
        )
        sheet.append(to_bytes(run.codec.decode(last.x)).cpu())
    Image.fromarray(grid(torch.cat(sheet), columns=8)).save(path)


RECIPE = Recipe(
    name="text_to_image",
    title="Text to image, latent attention U-Net",
    network="attention_unet",
    config={
        "widths": [96, 128, 192],
        "blocks": 1,
        "attention": [False, True, True],
        "patch": 1,
        "embedding": 192,
        "text": {"width": 192, "depth": 3},
    },
    size=128,
    batch=32,
    lr=1e-3,
    ema=0.9995,
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=4.0, schedule="linear"),
    licence="Weights: MIT. Trained on images made with Stable Diffusion 3.5 (MIT), on the five flowers of TensorFlow (photographs, CC BY) and on "
    "Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    caution="It has seen few captioned images, and draws what is like them; of words that are not in their captions it knows nothing. "
    "Captions of flowers were made of class and colour, nobody wrote them; where the photograph had to be enlarged they end in 'blurred'.",
    labels=False,
    show=sampled,
)


class TextRun(Run):
    """A training on latents with captions; its images are Latents."""

    def parts(self):
        """Read what is held out, at most FEW of it, and weigh what is learned from."""
        self.weights, held = self.images.often(self.args.weights), self.images.held.nonzero().flatten()
        return self.images.rows(held[:: -(-len(held) // FEW)]) if len(held) else None, self.images

    @cached_property
    def codec(self):
        """The way from latents to images."""
        return load_codec(self.images.facts["autoencoder"], compute=self.compute)

    def stream(self):
        """Yield latents and what is told of them, each sampled as often as its set is to come, for ever."""
        while True:
            yield self.images.rows(
                torch.multinomial(self.weights, self.args.batch, replacement=True, generator=self.state.generator)
            )

    def card(self, **training):
        """Write the card of what has been learned so far."""
        latents, facts, described = self.images, self.images.facts, describe(self, **training)
        counts = {
            "images": sum(each["images"] for each in facts["sets"]),
            "encoded": len(latents),
            "held_out": int(latents.held.sum()),
        }
        made = [each["source"] for each in facts["sets"] if each["made"]]
        told = {"captions": len(latents.captions), "captions_made_of_class_and_colour": made, "sets": facts["sets"]}
        return replace(
            described,
            size=latents.images.shape[-1],
            channels=latents.images.shape[1],
            autoencoder=facts["autoencoder"],
            text=facts["text"],
            data={"subject": "captioned images", "source": latents.source, **counts, **told},
            training={**described.training, "scale": facts["scale"]},
        )


def begin(recipe, args):
    """Take the latents that are there, or read images and encode them; build the network, or go on with one."""
    file, compute, args.size = earlier(args), choose(args.device), args.size or recipe.size
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    latents = latents_for(args, start, compute)
    facts, objective = latents.facts, objective_of(args.perceptual, latents.facts["autoencoder"])
    config = start.card.config if start else sizes_for(recipe.config, latents)
    recipe = replace(recipe, config=config, size=facts["size"], objective=objective)
    net, _ = build(recipe, latents)
    if latents.images.shape[-1] % net.size_multiple:
        raise ValueError(
            f"Height and width of latents are divisible by {net.size_multiple}, not {latents.images.shape[-1]}: try another --size."
        )
    if start:
        net.load_state_dict(start.net.state_dict())
    run = TextRun(
        recipe, args, compute, latents.to(compute.device), objective, *under_way(file, compute.place(net), args)
    )
    if isinstance(objective, Hybrid):
        decoder_features(objective.autoencoder, compute.device)  # a problem is better known now than after the first step
    (args.out / "prompts.txt").write_text("\n".join(facts["prompts"]) + "\n", encoding="utf-8")
    if facts["vocabulary"]:
        write_safely(
            vocabulary(args.out, args.out.resolve().name), lambda path: path.write_bytes(facts["vocabulary"].encode())
        )
    if facts.get("chain"):  # latents that were made earlier have none
        write_chain(args.out, args.out.resolve().name, facts["chain"])
    return run


def sizes_for(config, latents):
    """Say how large the network is to be for latents: with an encoder of its own, or told what another encoder says."""
    told = latents.facts["config"]
    text = {"width": config["text"]["width"]} if "features" in told else config["text"]
    return config | {"channels": latents.images.shape[1], "text": text | told}


def objective_of(perceptual, autoencoder):
    """Make the objective for a fraction of perceptual loss, or that alone; zeros ask for anything."""
    if perceptual == 0:
        return Objective(null=0)
    alone = perceptual == ALONE
    return Hybrid(null=0, diffusion_weight=0.0 if alone else 1.0, perceptual_weight=1.0 if alone else perceptual, autoencoder=autoencoder)


def latents_for(args, start, compute):
    """Read the latents of a run, or those that the command line names, or make them; raises ValueError if they are of something else."""
    path, sources = (
        args.latents or args.out / LATENTS,
        [str(source) for source in [*(args.data or []), *(args.captions or [])]],
    )
    if args.latents and sources:
        raise ValueError("--latents holds images and captions already: leave out --data and --captions.")
    if args.latents or path.exists():
        latents = read_latents(path)
        asked = {
            "from": sources,
            "autoencoder": args.autoencoder or (start and start.card.autoencoder),
            "text": start and start.card.text,
        }
        if wrong := [name for name, value in asked.items() if value and value != latents.facts[name]]:
            raise ValueError(
                f"{path} was made with another choice of {wrong[0]}: delete it to encode the images anew, or choose another --out."
            )
        return latents
    sets = [load_captioned(source, args.size, tqdm.write) for source in sources or DEFAULT]
    reader, name = reader_for(args, start, sets), args.autoencoder or (start.card.autoencoder if start else AUTOENCODER)
    facts = {"from": sources, "autoencoder": name, "scale": latent_statistics(name), "size": args.size}
    facts |= {"text": reader.card, "config": reader.config, "vocabulary": reader.text}
    latents = encoded(sets, load_codec(name, compute=compute), reader, partial(tqdm, leave=False), **facts)
    write_latents(path, latents)
    captions = json.dumps(learned_from(sets), indent=1, ensure_ascii=False)
    write_safely(
        args.out / f"{args.out.resolve().name}.captions.json", lambda path: path.write_text(captions, encoding="utf-8")
    )
    return latents


def reader_for(args, start, sets):
    """Choose what reads captions: that of the model to go on with, CLIP, or a vocabulary learned from the captions."""
    from diffusion_edu.text import clip, reader, tokenizer

    if start:
        return reader.load_reader(args.start)
    if args.text_encoder != OWN:
        return clip.load_clip(clip.CLIP if args.text_encoder == CLIP else args.text_encoder)
    return tokenizer.Tokenizer(tokenizer.learn_vocabulary(caption for some in sets for caption in some.captions))


def options():
    """Make the parser of the options that only this recipe has."""
    parser = argparse.ArgumentParser(add_help=False)
    about = "folders of images of your own with captions: a text file beside each, or captions.csv with the columns file_name and caption"
    parser.add_argument("--captions", nargs="+", metavar="FOLDER", help=about)
    parser.add_argument(
        "--latents", type=Path, metavar="FILE", help="train from images that were encoded before, instead of --data"
    )
    parser.add_argument(
        "--autoencoder",
        metavar="NAME",
        help=f"what makes latents of images (default: {AUTOENCODER}; with --from that of the model)",
    )
    parser.add_argument(
        "--text-encoder",
        metavar="NAME",
        default=OWN,
        help=f"{OWN}, learned with the rest, or {CLIP}, or another CLIP's name or folder",
    )
    parser.add_argument(
        "--perceptual",
        type=perceptual,
        default=0,
        help=f"the weight of the perceptual loss beside the usual one, or {ALONE} (default: 0)",
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        type=float,
        help="how often each set comes (default: sets whose captions were written 7 times in 10)",
    )
    return parser


def perceptual(text):
    """Read the weight of the perceptual loss off the command line."""
    return text if text == ALONE else 0 if text == "0" else command_line.positive(float)(text)


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line."""
    command_line.carry_out(partial(command_line.train, begin=begin), recipe, command_line.arguments(recipe, words, [options()]))


if __name__ == "__main__":
    main()
