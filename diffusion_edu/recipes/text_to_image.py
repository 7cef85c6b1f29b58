"""Train the latent text-to-image model: `python -m diffusion_edu.recipes.text_to_image --data FILE FILE`."""

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
from diffusion_edu.latent.codec import latent_statistics, load_codec
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes import command_line
from diffusion_edu.recipes.latents import encode_sets, read_latents, training_captions, write_latents
from diffusion_edu.recipes.model_setup import build, make_card
from diffusion_edu.recipes.run import Recipe, Run, run_file, start_or_resume
from diffusion_edu.text.random_prompts import write_chain
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.perceptual import Hybrid
from diffusion_edu.training.perceptual import decoder_features

OWN, CLIP, ALONE = "own", "clip", "alone"
AUTOENCODER, LATENTS = "autoencoder", "latents.safetensors"
DEFAULT = ("five flowers", "flowers")  # public sets
FEW = 256  # held-out latents that the validation loss is computed from


def save_prompt_sheet(run, count, path):
    """Save samples of prompts that are the same in every sheet, eight in a row, seeds from 0."""
    latents, model, sheet = run.dataset, run.model, []
    for rows in latents.prompts[:count].long().split(8):
        seeds = range(8 * len(sheet), 8 * len(sheet) + len(rows))
        *_, last = generate(model, Preset(**model.card.sampling), seeds, latents.conditions(rows))
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
    licence="Weights: MIT. Trained on images made with Stable Diffusion 3.5 (MIT), on the five flowers of TensorFlow "
    "(photographs, CC BY) and on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    caution="It was trained on few captioned images, and generates what resembles them; words that are not in their "
    "captions have no effect. Captions of flowers were made from class and colour, nobody wrote them; where the "
    "photograph had to be enlarged they end in 'blurred'.",
    labels=False,
    show=save_prompt_sheet,
)


class TextRun(Run):
    """A training on latents with captions; its data set is Latents."""

    def parts(self):
        """Take up to FEW held-out latents, and weight the training latents."""
        self.weights, held = self.dataset.weights(self.args.weights), self.dataset.held.nonzero().flatten()
        return self.dataset.batch(held[:: -(-len(held) // FEW)]) if len(held) else None, self.dataset

    @cached_property
    def codec(self):
        """The autoencoder that decodes latents to images."""
        return load_codec(self.dataset.facts["autoencoder"], compute=self.compute)

    def stream(self):
        """Yield batches of latents and their conditions for ever, sampled by weight."""
        while True:
            generator = self.state.generator
            index = torch.multinomial(self.weights, self.args.batch, replacement=True, generator=generator)
            yield self.dataset.batch(index)

    def card(self, **training):
        """Write the card of the model as trained so far."""
        latents, facts, described = self.dataset, self.dataset.facts, make_card(self, **training)
        return replace(
            described,
            size=latents.images.shape[-1],
            channels=latents.images.shape[1],
            autoencoder=facts["autoencoder"],
            text=facts["text"],
            data={
                "subject": "captioned images",
                "source": latents.source,
                "images": sum(each["images"] for each in facts["sets"]),
                "encoded": len(latents),
                "held_out": int(latents.held.sum()),
                "captions": len(latents.captions),
                "captions_made_of_class_and_colour": [each["source"] for each in facts["sets"] if each["made"]],
                "sets": facts["sets"],
            },
            training={**described.training, "scale": facts["scale"]},
        )


def begin(recipe, args):
    """Read the latents, or encode images; build the network, or continue with a trained one."""
    file, compute, args.size = run_file(args), choose(args.device), args.size or recipe.size
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    latents = read_or_encode(args, start, compute)
    objective = objective_for(args.perceptual, latents.facts["autoencoder"])
    config = start.card.config if start else config_for(recipe.config, latents)
    recipe = replace(recipe, config=config, size=latents.facts["size"], objective=objective)
    net, _ = build(recipe, latents)
    if latents.images.shape[-1] % net.size_multiple:
        raise ValueError(
            f"Height and width of latents are divisible by {net.size_multiple}, not {latents.images.shape[-1]}: "
            "try another --size."
        )
    if start:
        net.load_state_dict(start.net.state_dict())
    state = start_or_resume(file, compute.place(net), args)
    run = TextRun(recipe, args, compute, latents.to(compute.device), objective, *state)
    if isinstance(objective, Hybrid):
        decoder_features(objective.autoencoder, compute.device)  # so that a problem shows before the first step
    write_texts(args, latents.facts)
    return run


def write_texts(args, facts):
    """Write the prompts of the sheets, the vocabulary, and the chain of random prompts, as far as there are any."""
    name = args.out.resolve().name
    (args.out / "prompts.txt").write_text("\n".join(facts["prompts"]) + "\n", encoding="utf-8")
    if facts["vocabulary"]:
        write_safely(vocabulary(args.out, name), lambda path: path.write_bytes(facts["vocabulary"].encode()))
    if facts.get("chain"):  # older latents have none
        write_chain(args.out, name, facts["chain"])


def config_for(config, latents):
    """Build the network's config for latents: with a text encoder of its own, or for the vectors of another encoder."""
    encoder = latents.facts["config"]
    text = {"width": config["text"]["width"]} if "features" in encoder else config["text"]
    return config | {"channels": latents.images.shape[1], "text": text | encoder}


def objective_for(perceptual, autoencoder):
    """Build the objective with a weight of the perceptual loss, or with that loss alone; the null condition is 0."""
    if perceptual == 0:
        return Objective(null=0)
    weights = (0.0, 1.0) if perceptual == ALONE else (1.0, perceptual)
    return Hybrid(null=0, diffusion_weight=weights[0], perceptual_weight=weights[1], autoencoder=autoencoder)


def read_or_encode(args, start, compute):
    """Read the latents of a training, or those that the command line names, or encode the images.

    Raises ValueError if existing latents were made with other choices.
    """
    path = args.latents or args.out / LATENTS
    sources = [str(source) for source in [*(args.data or []), *(args.captions or [])]]
    if args.latents and sources:
        raise ValueError("--latents holds images and captions already: leave out --data and --captions.")
    if args.latents or path.exists():
        latents = read_latents(path)
        choices = {
            "from": sources,
            "autoencoder": args.autoencoder or (start and start.card.autoencoder),
            "text": start and start.card.text,
        }
        if wrong := [name for name, value in choices.items() if value and value != latents.facts[name]]:
            raise ValueError(
                f"{path} was made with another choice of {wrong[0]}: "
                "delete it to encode the images anew, or choose another --out."
            )
        return latents
    return encode(args, start, compute, path, sources)


def encode(args, start, compute, path, sources):
    """Read the images, encode them, and write the latents and the training captions."""
    sets = [load_captioned(source, args.size, tqdm.write) for source in sources or DEFAULT]
    reader = reader_for(args, start, sets)
    autoencoder = args.autoencoder or (start.card.autoencoder if start else AUTOENCODER)
    facts = {"from": sources, "autoencoder": autoencoder, "scale": latent_statistics(autoencoder), "size": args.size}
    facts |= {"text": reader.card, "config": reader.config, "vocabulary": reader.text}
    codec = load_codec(autoencoder, compute=compute)
    latents = encode_sets(sets, codec, reader, partial(tqdm, leave=False), **facts)
    write_latents(path, latents)
    captions = json.dumps(training_captions(sets), indent=1, ensure_ascii=False)
    file = args.out / f"{args.out.resolve().name}.captions.json"
    write_safely(file, lambda path: path.write_text(captions, encoding="utf-8"))
    return latents


def reader_for(args, start, sets):
    """Choose what reads captions: the tokenizer of the model to continue with, CLIP, or a new vocabulary."""
    from diffusion_edu.text import clip, reader, tokenizer

    if start:
        return reader.load_reader(args.start)
    if args.text_encoder != OWN:
        return clip.load_clip(clip.CLIP if args.text_encoder == CLIP else args.text_encoder)
    return tokenizer.Tokenizer(tokenizer.learn_vocabulary(caption for some in sets for caption in some.captions))


def options():
    """Make the parser of the options that only this recipe has."""
    parser = argparse.ArgumentParser(add_help=False)
    captions = (
        "folders of your own images with captions: a text file beside each image, "
        "or metadata.csv with the columns file_name and caption"
    )
    parser.add_argument("--captions", nargs="+", metavar="FOLDER", help=captions)
    latents = "train on latents that were encoded before, instead of --data"
    parser.add_argument("--latents", type=Path, metavar="FILE", help=latents)
    autoencoder = f"the autoencoder (default: {AUTOENCODER}; with --from that of the model)"
    parser.add_argument("--autoencoder", metavar="NAME", help=autoencoder)
    encoder = f"{OWN}, trained with the model, or {CLIP}, or another CLIP's name or folder"
    parser.add_argument("--text-encoder", metavar="NAME", default=OWN, help=encoder)
    weight = f"the weight of the perceptual loss beside the diffusion loss, or {ALONE} (default: 0)"
    parser.add_argument("--perceptual", type=perceptual_weight, default=0, help=weight)
    weights = "how often each set is sampled (default: sets with written captions 7 times in 10)"
    parser.add_argument("--weights", nargs="+", type=float, help=weights)
    return parser


def perceptual_weight(text):
    """Read the weight of the perceptual loss from the command line."""
    return text if text == ALONE else 0 if text == "0" else command_line.positive(float)(text)


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line."""
    args = command_line.parse_arguments(recipe, words, [options()])
    command_line.run_recipe(partial(command_line.train, begin=begin), recipe, args)


if __name__ == "__main__":
    main()
