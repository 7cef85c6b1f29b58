"""Settings of Sphinx for the book. Nothing is fetched and no notebook is run."""

import diffusion_edu

project = "Learn diffusion models"
author = "the authors of diffusion_edu"
release = version = diffusion_edu.__version__
html_title = project
language = "en"
smartquotes_action = "q"  # quotes only: -- belongs to options of commands

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "docs.book.mathml", "docs.book.docstrings"]
nb_execution_mode = "off"  # the outputs are those that the notebooks hold
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 4  # results.md#guidance, as on a code host
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]

html_theme = "furo"  # light, dark, or as the reader's system says
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sphinx = html_show_copyright = False
html_math_renderer = "mathml"  # drawn by the browser itself: no script, no font from elsewhere
pygments_style = "friendly"
pygments_dark_style = "github-dark"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True  # torch.randn_like is shown as it is written
autodoc_default_options = {"members": True, "exclude-members": "model_config"}
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
viewcode_follow_imported_members = False
default_role = "code"
