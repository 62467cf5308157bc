"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "src/kammerton",
    "drivers/kammerton_drivers",
    "calibrations/kammerton_calibrations",
    "sim_instruments/kammerton_sim",
)
LONGEST_FUNCTION = 50
LONGEST_FILE = 350
LONGER_FILES = {
    "src/kammerton/estimation/clouds/cloud_kernels.py": 690,
    "src/kammerton/estimation/maps/chevron_sums.py": 440,
    "src/kammerton/estimation/maps/pulling.py": 380,
    "src/kammerton/estimation/numeric/kernels.py": 660,
    "src/kammerton/estimation/numeric/pole_kernels.py": 570,
    "src/kammerton/estimation/numeric/projection_kernels.py": 460,
}  # numba compiles and caches by file: a part in another would stay stale on disk
UNSAFE_MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib",
}  # fmt: skip
UNSAFE_NAMES = {"eval", "exec"}
UNSAFE_CALLS = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"}
UNSAFE_WORDS = re.compile(
    "|".join(
        UNSAFE_MODULES | UNSAFE_NAMES | {max(call.split("."), key=len) for call in UNSAFE_CALLS}
    )
)  # a file without any of them has nothing unsafe: to parse every file takes seconds
HEAVY = ("numpy", "scipy", "numba", "qcodes", "matplotlib", "xarray", "sqlalchemy", "pydantic")
TEXTS = {".py", ".md", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".json", ".sh", ""}
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users)/\w")
REGISTRY = re.compile(r"\b[\w.-]*p[y]pi[\w.-]*\.\w+|\b[\w.-]*python[h]osted\.\w+")

SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    whole = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return whole
    words = function.body[0]
    return whole - ((words.end_lineno or 0) - words.lineno + 1)


def unsafe(tree: ast.AST) -> Iterator[str]:
    """Yield what could run what it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in UNSAFE_MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from imported(node)
        elif isinstance(node, ast.Name) and node.id in UNSAFE_NAMES:  # under another name, too
            yield node.id
        elif isinstance(node, ast.Call):
            if (name := called(node.func)) in UNSAFE_CALLS:
                yield name
            yield from ("allow_pickle" for k in node.keywords if allows_pickle(k))


def imported(node: ast.ImportFrom) -> Iterator[str]:
    """Yield what is unsafe of an import of names."""
    module = node.module or ""
    if module.split(".")[0] in UNSAFE_MODULES:
        yield module
        return
    names = (f"{module}.{each.name}" for each in node.names)
    yield from (name for name in names if name in UNSAFE_CALLS)


def called(function: ast.expr) -> str:
    """Return the name of what is called, `f` or `module.f`; "" of anything else."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return f"{module}.{name}"
    return ""


def worth_parsing(code: str) -> bool:
    """Whether a word of what is unsafe stands there, as Python reads it: names are normalised."""
    return UNSAFE_WORDS.search(unicodedata.normalize("NFKC", code)) is not None


def allows_pickle(keyword: ast.keyword) -> bool:
    off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
    return keyword.arg == "allow_pickle" and not off


def texts() -> Iterator[Path]:
    """Yield every text file of the tree that is shipped."""
    folders = ("src", "drivers", "calibrations", "sim_instruments", "tests", "docs", "examples")
    top = (path for path in ROOT.iterdir() if path.name != ".git")  # a file, in a worktree
    yield from (path for path in top if path.is_file() and path.suffix in TEXTS)
    for folder in folders:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts:
                yield path


def test_the_four_packages_are_there():
    assert all(any((ROOT / package) in path.parents for path in SOURCES) for package in PACKAGES)


def test_no_function_is_too_long():
    found = [
        f"{short(path)}:{function.lineno} {function.name}: {length(function)} lines"
        for path in SOURCES
        for function in functions(tree_of(path))
        if length(function) > LONGEST_FUNCTION
    ]
    assert found == []


def test_no_file_is_too_long():
    sizes = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    longer = {p: n for p, n in sizes.items() if n > LONGER_FILES.get(p, LONGEST_FILE)}
    assert longer == {}


def test_the_list_of_longer_files_holds_no_file_that_is_short():
    for name in LONGER_FILES:
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) > LONGEST_FILE


def test_x7_nothing_runs_what_it_reads():
    found = [
        f"{short(path)}: {call}"
        for path in SOURCES + TESTS
        if worth_parsing(path.read_text(encoding="utf-8"))
        for call in unsafe(tree_of(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from marshal import loads", "eval(x)", "yaml.load(f)", "import dill.source",
     "np.load(f, allow_pickle=True)", "np.load(f, allow_pickle=flag)", "ｅval(x)",
     "e = eval", "from yaml import unsafe_load as load", "from os import system", "import _pickle"],
)  # fmt: skip
def test_x7_what_is_unsafe_is_seen(code):
    assert worth_parsing(code)
    assert len(list(unsafe(ast.parse(code)))) == 1


def test_what_is_safe_is_not():
    assert list(unsafe(ast.parse("np.load(f, allow_pickle=False); model.eval(x); run()"))) == []


def test_s5_every_connection_only_reads_or_waits_for_the_disk():
    """`for_good` reads it back, as sqlite.py does where it sets up the daemon's own."""
    found = [
        (short(path), line.strip())
        for path in SOURCES
        for line in path.read_text(encoding="utf-8").splitlines()
        if "sqlite3.connect(" in line
        and "mode=ro" not in line
        and "for_good(sqlite3.connect(" not in line
    ]
    assert found == [
        ("src/kammerton/store/backup.py", "closing(sqlite3.connect(source, uri=True)) as old,"),
        ("src/kammerton/store/sqlite.py", "return sqlite3.connect("),
        ("src/kammerton/verify/sqlite.py",
         "with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:"),
    ]  # fmt: skip


def test_every_room_says_what_it_is():
    rooms = [path for path in SOURCES if path.name == "__init__.py"]
    silent = [short(path) for path in rooms if not ast.get_docstring(tree_of(path))]
    assert silent == []


@pytest.mark.parametrize("forbidden", [MACHINE_PATH, REGISTRY], ids=["folder", "registry"])
def test_no_text_names_somebodys_machine(forbidden):
    found = [
        f"{short(path)}: {match[0]}"
        for path in texts()
        for match in forbidden.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


def test_help_starts_without_the_heavy_libraries():
    code = (
        "import sys; sys.argv = ['kammerton', '--help']\n"
        "from kammerton.cli import main\n"
        "try: main()\n"
        "except SystemExit as left: assert not left.code\n"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "check" in ended.stdout
    assert ended.stderr == ""


LINK = re.compile(r"\[[^\]\n]*\]\((?!https?:)([^)#\s]+)")


def test_links_in_the_documents_lead_somewhere():
    pages = [path for path in texts() if path.suffix == ".md"]
    dead = [
        f"{short(page)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert len(pages) > 5
    assert dead == []


BLOCK = re.compile(r"```(?:python|toml)\n(.*?)```", re.DOTALL)
SHOWN = (
    "drivers/kammerton_drivers/rohde_schwarz_sgs100a.py",
    "calibrations/kammerton_calibrations/t1.py",
    "pyproject.toml",
)


def test_what_contributing_shows_is_in_the_real_files():
    real = {
        line.strip()
        for name in SHOWN
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    }
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(page)
    assert len(blocks) == 4
    assert [
        line for block in blocks for line in block.splitlines() if line.strip() not in real
    ] == []
