"""A drawing with and without words of its prompt, from the same noise: not looked at, and left out of the prompt."""

from dataclasses import dataclass, replace

from diffusion_edu.analysis.attention import deaf
from diffusion_edu.app.text_to_image.variants import IMPORTS, Walks

WHOLE, UNSEEN, LEFT_OUT = "all words", "not looked at", "left out"


@dataclass(frozen=True, eq=False)
class Unheard(Walks):
    """What the page asks for, with the words of its prompt, (word, its places among the tokens), of which some are to be taken away, by number."""

    prompt: tuple
    gone: tuple[int, ...]

    key = "words gone"

    @property
    def about(self):
        """What else its name depends on."""
        return self.gone

    @property
    def tokens(self):
        """The places of the words that are taken away."""
        return tuple(place for at in self.gone for place in self.prompt[at][1])

    @property
    def rest(self):
        """The prompt without them."""
        return " ".join(word for at, (word, _) in enumerate(self.prompt) if at not in self.gone)

    @property
    def takes(self):
        """What each walk is, {name: words}."""
        words = (
            ", ".join(f"“{self.prompt[at][0]}”" for at in self.gone)
            if len(self.gone) < 3
            else f"{len(self.gone)} words"
        )
        return {WHOLE: "the prompt as it is", UNSEEN: f"no place looks at {words}", LEFT_OUT: f"read without {words}"}

    def asks(self, able):
        """Ask a TextToImage for every walk."""
        whole = self.order.ask(able)
        return [
            whole,
            replace(whole, guidance=deaf(able.model.net, self.tokens)),
            replace(self.order, prompt=self.rest).ask(able),
        ]

    @property
    def code(self):
        """The lines of Python that draw the same and measure how far it is apart."""
        return (
            "from dataclasses import replace\n\n"
            "from diffusion_edu.analysis.attention import deaf\n"
            f"{IMPORTS}"
            "from diffusion_edu.latent.text_to_image import sample, load_text_to_image\n\n"
            f"{self.order.code()}"
            f"unseen = replace(asked, guidance=deaf(able.model.net, {self.tokens}))  # tokens of the prompt, 0 is the start\n"
            f"left_out = able.request({self.rest!r}, seeds={self.order.seeds(1)}, preset=preset, negative={self.order.negative!r})\n"
            "walks = [list(sample(each)) for each in (asked, unseen, left_out)]\n"
            "for first, *others in zip(*walks):\n"
            "    print(first.t, [distance(first.x0_hat, other.x0_hat) for other in others])\n"
            "images = [able.images(walk[-1].x) for walk in walks]  # uint8 (1, 3, h, w) each\n"
        )
