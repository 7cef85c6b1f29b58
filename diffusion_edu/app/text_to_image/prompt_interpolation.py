"""The tab "Prompt interpolation": two prompts and interpolations between them, all from the same noise."""

from dataclasses import dataclass, replace

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import callback, own, set_controls
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.task import animation_task, keep_done
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.request import quoted
from diffusion_edu.app.text_to_image.variants import Variants
from diffusion_edu.generation import guided_denoiser
from diffusion_edu.latent.interpolation import interpolate

QUESTION = "Drag the bar: **at which timestep do two prompts with the same noise become two different images?**"
SECOND_PROMPT = "A mountain lake in autumn, golden trees mirrored in the still water."
CAPTION = (
    "An interpolation uses both prompts: at every timestep its prediction is a weighted mean of the predictions for "
    "A and for B. The words themselves are not interpolated."
)


@dataclass(frozen=True, eq=False)
class PromptInterpolation(Variants):
    """A TextRequest (A), the same with a second prompt (B), and interpolations at fractions 0 to 1 between them."""

    second: str
    fractions: tuple[float, ...] = ()

    key = "prompt interpolation"

    @property
    def details(self):
        """What the id depends on besides the request."""
        return self.second, self.fractions

    @property
    def descriptions(self):
        """The variants, {name: description}."""
        between = {f"{fraction:.0%}": "towards B" for fraction in self.fractions}
        return {"A": quoted(self.request.prompt, 24), **between, "B": quoted(self.second, 24)}

    def prompt_requests(self, text_to_image):
        """Return the PromptRequest of every variant."""
        a = self.request.prompt_request(text_to_image)
        b = replace(self.request, prompt=self.second).prompt_request(text_to_image)
        return [a, *(interpolate(a, b, [fraction]) for fraction in self.fractions), b]

    @property
    def code(self):
        """Python code that generates the same images and measures their distances."""
        return snippet(
            __file__,
            "prompt_interpolation",
            request=self.request.code(),
            second=repr(self.second),
            seeds=self.request.seeds(1),
            negative=repr(self.request.negative),
            fractions=list(self.fractions),
        )


@callback
def _swap():
    first, second = (st.session_state[own(key)] for key in ("prompt", "second_prompt"))
    set_controls(prompt=second, second_prompt=first)


def show(text_request):
    """Show the tab."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    second = control(row.text_input, "Prompt B", SECOND_PROMPT, key="second_prompt")
    row.button("Swap", icon=":material/swap_horiz:", on_click=_swap, help="Exchange prompts A and B.")
    words = "The number of images between A and B."
    count = control(
        row.segmented_control, "Interpolations", [0, 1, 3], default=3, required=True, key="interpolations", help=words
    )
    st.markdown(QUESTION)
    text_to_image = request.load_or_stop(text_request)
    request.show_notes(replace(text_request, prompt=second).prompt_request(text_to_image))
    job = PromptInterpolation(text_request, second, tuple((k + 1) / (count + 1) for k in range(count)))
    if finished := keep_done(animation_task(job, request.load)):
        animation, caption = finished.result
        play(animation, key=job.key)
        st.caption(f"{caption} {CAPTION if finished.request.fractions else ''}")
    show_code(job.code, interpolate, guided_denoiser)
