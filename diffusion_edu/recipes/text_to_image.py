"""Train the latent text-to-image model: `python -m diffusion_edu.recipes.text_to_image --data FILE FILE`."""

import argparse
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import torch

from diffusion_edu.checkpoints import vocabulary
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.files import to_json
from diffusion_edu.generation import Preset, generate
from diffusion_edu.latent.codec import load_codec
from diffusion_edu.options import number
from diffusion_edu.randomness import choose
from diffusion_edu.recipes import command_line
from diffusion_edu.recipes.encoding import AUTOENCODER, CLIP, OWN, read_or_encode
from diffusion_edu.recipes.fine_tune import check_text_model
from diffusion_edu.recipes.memory import check_batch
from diffusion_edu.recipes.model_setup import build, make_card
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.recipes.run import Run, load_start
from diffusion_edu.recipes.writing import attempt, put_text
from diffusion_edu.text.random_prompts import write_chain
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.perceptual import Hybrid
from diffusion_edu.training.perceptual import decoder_features

ALONE = "alone"
CAPTIONS = ".captions.json"  # the training captions, beside the weights
FEW = 256  # held-out latents that the validation loss is computed from


def prompt_sheet(run, count):
    """Show samples of prompts that are the same in every sheet, eight in a row, seeds from 0."""
    latents, model, sheet = run.dataset, run.model, []
    for rows in latents.prompts[:count].long().split(8):
        seeds = range(8 * len(sheet), 8 * len(sheet) + len(rows))
        *_, last = generate(model, Preset(**model.card.sampling), seeds, latents.conditions(rows))
        sheet.append(to_bytes(run.codec.decode(last.x)).cpu())
    return grid(torch.cat(sheet), columns=8)


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
    sheet=prompt_sheet,
)


class TextRun(Run):
    """A training on latents with captions; its data set is Latents."""

    def parts(self):
        """Take up to FEW held-out latents, and weight the training latents."""
        self.weights, held = self.dataset.weights(self.args.weights), self.dataset.held.nonzero().flatten()
        return self.dataset.batch(held[:: -(-len(held) // FEW)]) if len(held) else None, self.dataset

    def describe_data(self):
        """Describe what the latents were made from and with."""
        facts = self.dataset.facts
        names = {"contents": "contents", "vocabulary": "text", "autoencoder": "autoencoder_sha256"}
        counts = {"images": sum(each["images"] for each in facts["sets"]), "encoded images": len(self.dataset)}
        return counts | {name: facts.get(key) for name, key in names.items()}

    def image_shape(self):
        """Return channels, height and width of the latents."""
        return self.dataset.images.shape[1:]

    def extras(self, folder):
        """Write the vocabulary, the training captions and the chain of random prompts, as far as there are any."""
        facts = self.dataset.facts
        put_text(folder.finished(CAPTIONS), to_json(facts.get("training_captions", {}), indent=1))
        if facts["vocabulary"]:
            put_text(vocabulary(folder.out, folder.name), facts["vocabulary"])
        if facts.get("chain"):
            write_chain(folder.out, folder.name, facts["chain"])

    @cached_property
    def codec(self):
        """The autoencoder that decodes latents to images."""
        return load_codec(self.dataset.facts["autoencoder"], compute=self.compute)

    def stream(self):
        """Yield batches of latents and their conditions for ever, sampled by weight."""
        while True:
            generator = self.state.generator
            index = torch.multinomial(self.weights, self.args.batch, replacement=True, generator=generator)
            yield self.dataset.batch(index, generator)

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
    compute, start, args.size = choose(args.device), load_start(args), args.size or recipe.size
    latents = read_or_encode(args, start, compute)
    channels, _, width = latents.images.shape[1:]
    check_batch(args.batch, width, compute, channels)
    if start:
        check_text_model(start.card, latents.facts["autoencoder"], channels)
    objective = objective_for(args.perceptual, latents.facts["autoencoder"])
    known = args.earlier["model"]["config"] if args.earlier else start.card.config if start else None
    config = known or config_for(recipe.config, latents)
    recipe = replace(recipe, config=config, size=latents.facts["size"], objective=objective)
    net, _ = build(recipe, latents)
    if width % net.size_multiple:
        raise ValueError(
            f"Height and width of latents are divisible by {net.size_multiple}, not {width}: try another --size."
        )
    if start:
        net.load_state_dict(start.net.state_dict())
    run = TextRun(recipe, args, compute, latents.to(compute.device), objective, compute.place(net))
    if isinstance(objective, Hybrid):
        decoder_features(objective.autoencoder, compute.device)  # so that a problem shows before the first step
    prompts = "".join(f"{prompt}\n" for prompt in latents.facts["prompts"])
    attempt(run.folder.prompts, lambda: put_text(run.folder.prompts, prompts))
    return run


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


def options():
    """Make the parser of the options that only this recipe has."""
    parser = argparse.ArgumentParser(add_help=False)
    captions = (
        "folders of your own images with captions: a text file beside each image, "
        "or metadata.csv with the columns file_name and caption"
    )
    parser.add_argument("--captions", nargs="+", metavar="FOLDER", help=captions)
    made = "where nobody wrote captions, make some of the names of the classes"
    parser.add_argument("--captions-from-classes", action="store_true", help=made)
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
    return text if text == ALONE else number(float, 0, 1e6)(text)


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line."""
    args = command_line.parse_arguments(recipe, words, [options()])
    command_line.run_recipe(partial(command_line.train, begin=begin), recipe, args)


if __name__ == "__main__":
    main()
