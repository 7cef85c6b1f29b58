"""`diffusion-edu lessons`: copies for students, the table of a class, exports, presets and links."""

import argparse
import secrets
import sys
from pathlib import Path

from diffusion_edu.lessons.teaching import badges, nbgrader, otter, presets, reports, students, tables
from diffusion_edu.lessons.teaching.notebooks import APP
from diffusion_edu.options import number
from diffusion_edu.paths import LESSONS

EXPORTS = {"nbgrader": nbgrader.export, "otter": otter.export}


def main(words: list[str]) -> None:
    """Run one of the commands for teachers."""
    args = options().parse_args(words)
    args.run(args)


def options() -> argparse.ArgumentParser:
    """Build the parser of `diffusion-edu lessons`."""
    parser = argparse.ArgumentParser(prog="diffusion-edu lessons", description="For teachers: the lessons in a class.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(run, name):
        made = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        made.set_defaults(run=run)
        return made

    copies = command(make_copies, "students")
    copies.add_argument("names", type=Path, help="a text file with one name a line")
    copies.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for the copies")
    copies.add_argument("--app", default=APP, metavar="URL", help="the class's explorer (default: %(default)s)")
    table = command(collect, "collect")
    table.add_argument("places", type=Path, nargs="+", help="reports, or folders that hold them")
    table.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where the table goes (default: here)")
    table.add_argument("--students", type=Path, metavar="CSV", help="students.csv of the copies: names who is missing")
    out = command(export, "export")
    out.add_argument("grader", choices=EXPORTS, help="nbgrader or otter")
    out.add_argument("out", type=Path, metavar="DIR", help="a folder for the assignments")
    out.add_argument("--seed", type=number(int, 1, 2**31 - 1), help="of the hidden tests (default: a random one)")
    states = command(write_presets, "presets")
    states.add_argument("--out", type=Path, default=Path("presets"), metavar="DIR", help="default: %(default)s")
    states.add_argument("--app", default=APP, metavar="URL", help="the class's explorer (default: %(default)s)")
    for each in (copies, out, states):
        each.add_argument("--lessons", nargs="+", default=(), metavar="NN", help="numbers, such as 04 (default: all)")
    links = command(write_links, "badges")
    links.add_argument("repository", metavar="OWNER/NAME", help="the repository on GitHub")
    links.add_argument("--branch", default="main", help="default: %(default)s")
    return parser


def make_copies(args: argparse.Namespace) -> None:
    """Copy the lessons for each student, without solutions, with the student's name and a seed of its own."""
    found = students.read_names(args.names)
    made, kept = students.make_copies(found, args.out, args.lessons, args.app)
    for path in kept:
        print(f"{path} is there already and was kept.")
    print(f"{args.out}: copies for {len(made)} students; {students.LIST} has their seeds.")


def collect(args: argparse.Namespace) -> None:
    """Read the reports that were handed in, and write class.csv, class_each.csv and class.html."""
    seeds = students.read_list(args.students) if args.students else None
    found = reports.collect(args.places, seeds)
    for sentence in (*found.problems, *found.notes):
        print(sentence, file=sys.stderr)
    if not found.reports:
        raise ValueError("no report was found: reports are named lesson_NN_report.html or lesson_NN_report.json.")
    files = tables.write_tables(found, args.out)
    who = len({report.student.casefold() for report in found.reports})
    print(f"{len(found.reports)} reports of {who} students: {', '.join(map(str, files))}")


def export(args: argparse.Namespace) -> None:
    """Write the lessons as assignments for nbgrader or Otter-Grader, with hidden tests."""
    seed = args.seed or 1 + secrets.randbelow(2**31 - 1)
    written = EXPORTS[args.grader](args.out, seed, args.lessons)
    print(f"{args.out}: {len(written)} assignments; the hidden tests have the seed {seed}.")


def write_presets(args: argparse.Namespace) -> None:
    """Write presets.json for each lesson: all its links into the explorer."""
    written = presets.write_presets(args.out, args.lessons, args.app)
    print(f"{args.out}: presets of {len(written)} lessons.")


def write_links(args: argparse.Namespace) -> None:
    """Write links that open the lessons in Colab and Binder, and the files that these need."""
    written = badges.write_badges(args.repository, args.branch, LESSONS.parent)
    print(f"{len(written)} files now link to {args.repository}: commit them.")
