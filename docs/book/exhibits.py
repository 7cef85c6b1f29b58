"""The bug museum as a page: question, answer, the wrong code, and where it happened."""

import inspect
import textwrap

from diffusion_edu.museum import EXHIBITS

HEAD = """# The bug museum

{count} real mistakes from public code. Each has a question: decide before you open the answer. The page
"Evaluate and debug" of the explorer shows the images that each mistake makes. All mistakes that we know are in
[the list of known bugs](pitfalls.md).
"""


def write(folder):
    """Write museum.md into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join((HEAD.format(count=len(EXHIBITS)), *map(exhibit, EXHIBITS.values())))
    (folder / "museum.md").write_text(text, encoding="utf-8")


def exhibit(shown):
    """Return the section of one exhibit."""
    options = "\n".join(f"{k + 1}. {option}" for k, option in enumerate(shown.options))
    return f"""## {shown.title}

{shown.question}

{options}

<details><summary>The answer</summary>

**{shown.answer + 1}.** {shown.why}

*The mistake:* {shown.mistake} *Expected:* {shown.unit}: {shown.expected}. *Seen in:* {shown.source}

{code(shown.wrong)}
</details>
"""


def code(function):
    """Return the source of a wrong function as a block, or nothing if it has none."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""
    return f"```python\n{source}```\n" if len(source.splitlines()) < 40 else ""
