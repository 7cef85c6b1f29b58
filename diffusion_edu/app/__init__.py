"""The explorer: one package per page, and what pages share.

Shared are `common` (frame, pickers, model card), `jobs` (work beside a page), `trajectories` (recordings and their
animations) and `components` (Python and JavaScript of browser components). A page package imports these and the
library, never another page's package; they never import a page's package. Each page package has a `page.py` with
`show`, called by `pages/N_Title.py`. `examples` is a command, which nobody imports.
"""
