"""A document in, the Lab or its problems out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from kammerton.lab.advice import advise, left_behind, named_files
from kammerton.lab.convert import to_lab
from kammerton.lab.document import Document
from kammerton.lab.groups import check_groups
from kammerton.lab.shape import read_shape
from kammerton.lab.sizes import check_sizes
from kammerton.lab.wiring import check_wiring
from kammerton.lab.words import Lab


def read(
    document: Document, drivers: Collection[str]
) -> tuple[Lab | None, tuple[str, ...], tuple[str, ...]]:
    """Return the Lab (None when there are problems), the problems and the warnings."""
    form, problems = read_shape(document)
    document = replace(document, flawed=frozenset(problem.path for problem in problems))
    problems += check_wiring(document, drivers)
    problems += check_groups(document)
    problems += check_sizes(document)
    warnings = list(advise(document))
    if form is None or problems:
        return None, tuple(document.said(problems)), tuple(document.said(warnings))
    lab = to_lab(document, form)
    if behind := list(left_behind(document, lab, form.store.database)):
        return None, tuple(document.said(behind)), tuple(document.said(warnings))
    return lab, (), tuple(document.said([*warnings, *named_files(lab)]))
