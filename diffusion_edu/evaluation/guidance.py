"""What does obedience cost? Distance, agreement and diversity at several guidance scales: `python -m diffusion_edu.evaluation.guidance NAME`."""

from dataclasses import replace
from functools import partial
from statistics import mean

from tqdm import tqdm

from diffusion_edu.analysis.measures import spread
from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import load_pictures
from diffusion_edu.evaluation.attributes import ASKED, attribute_scores, draw_wishes, wishes
from diffusion_edu.evaluation.command import again, carry_out, parser, rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import CLASSIFIERS, agreement, describe
from diffusion_edu.evaluation.report import real_reference
from diffusion_edu.evaluation.samples import asked, draw
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SCALES = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)


def main(words=None):
    """Judge one model at several scales from the command line."""
    options = parser("diffusion_edu.evaluation.guidance", __doc__, samples=1000, example="flowers_attention")
    options.add_argument("--scales", type=float, nargs="+", default=SCALES)
    carry_out(judge, options.parse_args(words))


def judge(args, watch):
    """Draw what real pictures show at every scale, compare, and write a row for each into the card, under by_guidance."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    if not model.card.kinds or not model.card.draws:
        raise ValueError(f"{args.name} knows neither classes nor attributes to steer to: name a model that does.")
    eyes, second = (
        load(name, compute=compute)
        for name in (args.features or CLASSIFIERS[model.card.subject][0], CLASSIFIERS[model.card.subject][1])
    )
    pictures = load_pictures(args.data, model.card.size, tqdm.write, model.card.subject)
    if [*pictures.classes, *pictures.attributes] != model.card.kinds:
        raise ValueError(
            f"{pictures.source} shows other kinds than {args.name} draws: give the pictures that it was trained on."
        )
    real = real_reference(eyes, pictures, args.samples, partial(watch, words="features"))
    labels = asked(model.card, real.kinds, pictures, args.samples)
    kinds = (
        of_one_attribute(real.features, pictures)
        if model.card.attributes
        else of_one_kind(real.features, pictures.labels)
    )
    rows = []
    for scale in args.scales:
        preset = replace(Preset(**model.card.sampling), scale=scale)
        drawings = draw(
            model, preset, args.samples, labels, args.work, watch=partial(watch, words=f"guidance {scale:g}")
        )
        features = describe(eyes, drawings).features
        followed, apart = obedience(model, preset, eyes, second, drawings, labels, args.work)
        distances = {"FD": frechet(real.statistics, features), "FD_band": frechet_band(real.statistics, features)}
        rows.append(
            rounded({"scale": scale, **distances, "agreement": followed, "diversity": apart / diversity(kinds)})
        )
    scores = {"by_guidance": rows, "by_guidance_command": again("diffusion_edu.evaluation.guidance", args)}
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=model.card.scores | scores))
    return scores


def obedience(model, preset, eyes, second, drawings, labels, work):
    """Say how often the second classifier sees what was asked for, and how diverse drawings of one kind are; attributes are wished for singly."""
    if not model.card.attributes:
        return agreement(describe(second, drawings).scores, labels), diversity(
            of_one_kind(describe(eyes, drawings).features, labels)
        )
    wished, faces = wishes(model.card.attributes), draw_wishes(model, preset, work)
    followed = attribute_scores(second, describe(second, faces).scores, wished)["agreement"]
    return followed, diversity(of_one_kind(describe(eyes, faces).features, wished))


def of_one_kind(features, labels):
    """Part features (n, width) by their labels (n, ...), into sets of pictures that were asked for the same."""
    _, groups = labels.unique(dim=0, return_inverse=True)
    return [features[groups == group] for group in groups.unique()]


def of_one_attribute(features, pictures):
    """Choose features (n, width) of real pictures for every wish that is judged: those with and those without each attribute."""
    columns = [pictures.attributes.index(name) for name in ASKED]
    return [features[pictures.labels[:, column] == has] for column in columns for has in (1, -1)]


def diversity(sets, most=500):
    """Measure how far pictures of one kind are from each other: the mean distance in features between all pairs, averaged over sets (n, width)."""
    return mean(spread(some[:most]) for some in sets if len(some) > 1)


if __name__ == "__main__":
    main()
