"""Generated images on the page: the animation of each, the batch, the settings they were made with, and downloads."""

import io
import zipfile
from dataclasses import asdict, dataclass, field

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.text_to_image.job import Frame, GenerationJob
from diffusion_edu.app.text_to_image.request import shortened
from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, sprite
from diffusion_edu.app.trajectories.recording import frames_side_by_side
from diffusion_edu.data.notes import noted
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid
from diffusion_edu.files import to_json

TRACKS = (
    ("x", ("x", "t"), "noisy image, decoded", "The noisy image"),
    ("x0_hat", ("x\u0302", "0"), "predicted clean image, decoded", "The predicted clean image"),
)


@dataclass(frozen=True, eq=False)
class GenerationResult:
    """A finished GenerationJob: the Frames that were kept, and the notes on parts of the prompts without effect."""

    job: GenerationJob
    frames: list[Frame]
    notes: tuple[str, ...]
    animations: dict = field(default_factory=dict)  # of single images, made when needed

    @property
    def images(self):
        """The generated images, uint8 (b, 3, h, w)."""
        return self.frames[-1].x

    @property
    def seconds(self):
        """The seconds of sampling and of decoding."""
        return self.frames[-1].seconds

    def animation(self, number):
        """The animation of one image for the player, as a dict."""
        if number not in self.animations:
            self.animations[number] = self._animation(number)
        return self.animations[number]

    def _animation(self, number):
        job, timesteps = self.job, [frame.t for frame in self.frames]
        schedule = job.request.preset.noise_schedule()
        captions = [
            f"timestep {t} of {schedule.T} · signal {schedule.signal[t]:.3f} · noise {schedule.noise[t]:.3f}"
            for t in timesteps
        ]
        tracks = [
            Track(
                name, symbol, words, COLOUR[name], alt, sprite([getattr(each, name)[[number]] for each in self.frames])
            )
            for name, symbol, words, alt in TRACKS
        ]
        height, width = self.images.shape[2:]
        prompt = shortened(job.request.prompt) or "unconditional"
        ends = ("noise" if timesteps[0] == schedule.T else f"timestep {timesteps[0]}", "image")
        last = len(timesteps) - 1
        return asdict(
            Animation(f"{job.id}-{number}", width, height, [prompt], timesteps, captions, tracks, last, ends=ends)
        )

    @property
    def words(self):
        """Prompt, model, start and sampling settings, in Markdown."""
        request, job = self.job.request, self.job
        preset = request.preset
        options = "".join(f", {name} {value}" for name, value in preset.options.items() if value)
        prompt = f"**{plain(shortened(request.prompt))}**" if request.prompt.strip() else "**an empty prompt**"
        negative = f", negative prompt: **{plain(shortened(request.negative))}**" if request.negative.strip() else ""
        steps = counted(preset.steps, "step")
        how = (
            f"{preset.sampler}{options}, {steps}, guidance scale {preset.guidance_scale:g}, {preset.schedule} schedule"
        )
        seeds = f"seed {job.seeds[0]}" if job.count == 1 else f"seeds {job.seeds[0]} to {job.seeds[-1]}"
        sampling, decoding = self.seconds
        spent = f"Sampled in {sampling:.1f} s, decoded for the animation in {decoding:.1f} s."
        return f"{prompt}{negative}\n\n{plain(request.card.title)}, {job.start.words}; {how}, {seeds}. {spent}"

    def png(self, number):
        """One image as a PNG with its settings in the metadata."""
        return noted(grid(self.images[[number]]), self.job.settings(number))

    def zip(self):
        """All images as PNGs with their settings, and a JSON file with the settings of all."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as folder:
            for number, seed in enumerate(self.job.seeds):
                folder.writestr(f"seed_{seed}.png", self.png(number))
            folder.writestr("settings.json", to_json(self.job.settings(), indent=2))
        return file.getvalue()

    def video_frames(self):
        """The frames of a video of the whole batch."""
        return frames_side_by_side([frame.pair for frame in self.frames], zoom=2 if self.job.count == 1 else 1)

    def gif(self, rate):
        """Encode the sampling as an animated GIF of `rate` frames per second."""
        return gif(self.video_frames(), seconds_per_frame=1 / rate)

    def mp4(self, rate):
        """Encode the sampling as an MP4 of `rate` frames per second."""
        return mp4(self.video_frames(), frames_per_second=rate)

    def subject(self, number):
        """One of the images as an image to start from."""
        code = f"{self.job.code}image = images[{number}]\n\n"
        return Subject(self.images[number], f"sampled: {shortened(self.job.request.prompt, 80)}", code)
