"""The part of the text-to-image page on two prompts: sampled from the same noise, and what lies between them."""

from dataclasses import dataclass, replace

import streamlit as st

from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import task as tasks
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.request import BOUND
from diffusion_edu.app.text_to_image.variants import IMPORTS, Walks
from diffusion_edu.generation import guided_denoiser
from diffusion_edu.latent.text_to_image import between

LOOK_FOR = "Drag the bar: **at which timestep do two prompts, begun with the same noise, become two images?**"
FIRST = "A mountain lake in autumn, golden trees mirrored in the still water."
SAYS = (
    "What lies between is guessed by both: at every timestep the prediction is so much of the way from what the network says of A to what it says of B. "
    "The words themselves have nothing between them."
)


@dataclass(frozen=True, eq=False)
class TwoPrompts(Walks):
    """What the page asks for, A, and the same with another prompt, B; fractions of 0..1 of the way between them that are sampled too."""

    other: str
    fractions: tuple[float, ...] = ()

    key = "two prompts"

    @property
    def about(self):
        """What else its name depends on."""
        return self.other, self.fractions

    @property
    def takes(self):
        """What each walk is, {name: words}."""
        return {
            "A": short(self.order.prompt, 24),
            **{f"{fraction:.0%}": "towards B" for fraction in self.fractions},
            "B": short(self.other, 24),
        }

    def asks(self, able):
        """Ask a TextToImage for every walk."""
        a, b = self.order.ask(able), replace(self.order, prompt=self.other).ask(able)
        return [a, *(between(a, b, [fraction]) for fraction in self.fractions), b]

    @property
    def code(self):
        """The lines of Python that draw the same and measure how far it is apart."""
        return (
            f"{IMPORTS}"
            "from diffusion_edu.latent.text_to_image import between, draw, load_text_to_image\n\n"
            f"{self.order.code()}"
            f"other = able.ask({self.other!r}, seeds={self.order.seeds(1)}, preset=preset, negative={self.order.negative!r})\n"
            f"wanted = [asked, *(between(asked, other, [share]) for share in {list(self.fractions)}), other]\n"
            "walks = [list(draw(each)) for each in wanted]\n"
            "for first, *others in zip(*walks):\n"
            "    print(first.t, [distance(first.x0_hat, other.x0_hat) for other in others])\n"
            "images = [able.images(walk[-1].x) for walk in walks]  # uint8 (1, 3, h, w) each\n"
        )


def short(prompt, most=40):
    """Write the beginning of a prompt as a quotation."""
    words = " ".join(prompt.split())
    return f"“{words[:most].rstrip()}…”" if len(words) > most else f"“{words}”" if words else "anything"


def _swap():
    st.session_state["prompt"], st.session_state["other"] = st.session_state["other"], st.session_state["prompt"]


def show(order):
    """Show this part of the page."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    other = row.text_input("B, the other prompt", FIRST, key="other", **BOUND)
    row.button("Swap", icon=":material/swap_horiz:", on_click=_swap, help="A becomes B, and B becomes A.")
    words = "Images from predictions between both."
    count = row.segmented_control(
        "Between them", [0, 1, 3], default=3, required=True, key="between", help=words, **BOUND
    )
    st.markdown(LOOK_FOR)
    able = request.able(order)
    request.tell(replace(order, prompt=other).ask(able))
    task = TwoPrompts(order, other, tuple((k + 1) / (count + 1) for k in range(count)))
    if done := tasks.keep_up(task, request.get):
        _, animation, words = done
        play(animation, key=task.key)
        st.caption(f"{words} {SAYS if done[0].fractions else ''}")
    show_code(task.code, between, guided_denoiser)
