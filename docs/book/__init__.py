"""The book: lessons with their outputs, glossary, known bugs, model cards, results and the library's reference.

`python -m docs.book` (or `make book`) builds it into build/book, without network and without running a notebook.
`assemble.py` gathers the pages, Sphinx (`conf.py`) makes HTML of them, `links.py` checks every link of the result.
"""
