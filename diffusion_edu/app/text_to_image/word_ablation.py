"""Word ablation: the same noise with words of the prompt masked in cross-attention, and removed from the prompt."""

from dataclasses import dataclass, replace

from diffusion_edu.analysis.attention import masking_guidance
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.text_to_image.variants import Variants

WHOLE, MASKED, REMOVED = "all words", "masked", "removed"


@dataclass(frozen=True, eq=False)
class WordAblation(Variants):
    """A TextRequest, the words of its prompt with their token positions, and the numbers of the ablated words."""

    words: tuple
    ablated: tuple[int, ...]

    key = "word ablation"

    @property
    def details(self):
        """What the id depends on besides the request."""
        return self.ablated

    @property
    def tokens(self):
        """The token positions of the ablated words."""
        return tuple(token for number in self.ablated for token in self.words[number][1])

    @property
    def rest(self):
        """The prompt without the ablated words."""
        return " ".join(word for number, (word, _) in enumerate(self.words) if number not in self.ablated)

    @property
    def descriptions(self):
        """The variants, {name: description}."""
        names = ", ".join(f"“{self.words[number][0]}”" for number in self.ablated)
        if len(self.ablated) > 2:
            names = f"{len(self.ablated)} words"
        return {
            WHOLE: "the whole prompt",
            MASKED: f"no position attends to {names}",
            REMOVED: f"the prompt without {names}",
        }

    def prompt_requests(self, text_to_image):
        """Return the PromptRequest of every variant."""
        whole = self.request.prompt_request(text_to_image)
        masked = replace(whole, guidance=masking_guidance(text_to_image.model.net, self.tokens))
        return [whole, masked, replace(self.request, prompt=self.rest).prompt_request(text_to_image)]

    @property
    def code(self):
        """Python code that generates the same images and measures their distances."""
        return snippet(
            __file__,
            "word_ablation",
            request=self.request.code(),
            tokens=self.tokens,
            rest=repr(self.rest),
            seeds=self.request.seeds(1),
            negative=repr(self.request.negative),
        )
