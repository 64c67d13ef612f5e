"""The rules that hold for every file: who may import whom, who may write, and what no file may contain."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from newfound import errors

ROOT = Path(__file__).parents[1]
ROOTS = {"core": ROOT / "core", "cli": ROOT / "cli"}
MODULES = sorted(path for root in ROOTS.values() for path in root.rglob("*.py"))

TERMINAL = {"typer", "rich", "newfound_cli"}
TRAINING = {"newfound.model", "jax", "jaxlib", "optax", "orbax"}
FOUNDATION = {
    "newfound.errors",
    "newfound.progress",
    "newfound.columns",
    "newfound.hashing",
    "newfound.resources",
}

# Modules under the first name never import anything under the others, directly.
FORBIDDEN = {
    "newfound": TERMINAL,
    "newfound.dataset": TRAINING,
    "newfound.explore": TRAINING,
    "newfound.schema": TRAINING,
    "newfound.serving": TRAINING,
    "newfound.store": TRAINING,
}
# Only the module under the first name, and those listed, import the package under it.
TOPMOST = {"newfound.simulation": {"newfound.simulation", "newfound.simulating"}}
# Modules under the first name import of newfound only what is under the others.
LOWEST = {
    "newfound.store": {"newfound.store", *FOUNDATION},
    "newfound.schema": {"newfound.schema", "newfound.store", *FOUNDATION},
}

# Files outside store/ that open a file for writing, each with its reason.
WRITERS = {
    "core/newfound/dataset/export.py": "polars writes into the file that the store opened and will publish",
}
WRITING_METHODS = {
    "write_bytes",
    "write_text",
    "write_parquet",
    "write_csv",
    "write_ndjson",
    "write_delta",
    "tofile",
}
WRITING_OS_CALLS = {"open", "rename", "replace", "link", "symlink"}

TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".json", ".html", ".sh"}
TEXT_NAMES = {"Makefile", "LICENSE", "run", ".gitignore"}
NOT_OURS = {"build", "dist", "demo", "results"}  # and every folder whose name begins with a dot but .ci


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    root = next(root for root in ROOTS.values() if path.is_relative_to(root))
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def under(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def imports(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, also inside functions and for annotations."""
    names: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module_name(path).split(".")
                package = package if path.name == "__init__.py" else package[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(parse(path)) if isinstance(node, ast.Call))


def writes(path: Path) -> list[int]:
    """Lines that open a file for writing or move one; functions of `newfound.store` do not count."""
    store = {
        alias.asname or alias.name
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and under(node.module or "", {"newfound.store"})
        for alias in node.names
    }
    store |= {"store"} if "newfound.store" in imports(path) else set()
    return [call.lineno for call in calls(path) if writes_a_file(call) and owner(call.func) not in store]


def owner(function: ast.expr) -> str:
    """The first name of a dotted call: `files` in `files.write_bytes(...)`."""
    while isinstance(function, ast.Attribute):
        function = function.value
    return function.id if isinstance(function, ast.Name) else ""


def writes_a_file(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if call.args and ast.unparse(call.args[0]) == "os.devnull":
        return False
    if name == "open" or name.endswith("fdopen"):
        given = call.args[:2] if isinstance(function, ast.Attribute) else call.args[1:2]
        given = [*given, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        modes = [
            node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        opens = any(re.fullmatch(r"[rwaxbt+]{1,4}", mode) and re.search("[wax+]", mode) for mode in modes)
        return opens or (name == "open" and owner(function) == "os")
    if owner(function) == "os":
        return name in WRITING_OS_CALLS
    return name in WRITING_METHODS or name.startswith("sink_")


def test_there_is_something_to_check() -> None:
    assert {"newfound.errors", "newfound.store", "newfound_cli"} <= {module_name(path) for path in MODULES}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_forbidden_imports_are_absent(package: str) -> None:
    found = {
        f"{relative(path)} imports {name}"
        for path in MODULES
        if under(module_name(path), {package})
        for name in imports(path)
        if under(name, FORBIDDEN[package])
    }
    assert not found


@pytest.mark.parametrize("package", LOWEST)
def test_the_lowest_layers_import_nothing_above_them(package: str) -> None:
    found = {
        f"{relative(path)} imports {name}"
        for path in MODULES
        if under(module_name(path), {package})
        for name in imports(path)
        if under(name, {"newfound"}) and not under(name, LOWEST[package])
    }
    assert not found


@pytest.mark.parametrize("package", TOPMOST)
def test_the_top_of_core_is_imported_by_nothing_below_it(package: str) -> None:
    found = {
        f"{relative(path)} imports {name}"
        for path in MODULES
        if not under(module_name(path), TOPMOST[package])
        for name in imports(path)
        if under(name, {package})
    }
    assert not found


def test_the_simulation_stands_on_what_serves_and_learns_alone() -> None:
    above = {
        "newfound.project",
        "newfound.project_data",
        "newfound.training",
        "newfound.recommending",
        "newfound.campaigns",
        "newfound.model",
    }
    found = {
        f"{relative(path)} imports {name}"
        for path in MODULES
        if under(module_name(path), {"newfound.simulation"})
        for name in imports(path)
        if under(name, above)
    }
    assert not found


def test_only_the_store_writes_files() -> None:
    found = {
        f"{relative(path)}:{line}"
        for path in MODULES
        if not under(module_name(path), {"newfound.store"}) and relative(path) not in WRITERS
        for line in writes(path)
    }
    assert not found


def test_every_listed_writer_still_writes_and_has_a_reason() -> None:
    assert all(reason and writes(ROOT / name) for name, reason in WRITERS.items())


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')",
        "path.open('wb')",
        "open(path, mode='a')",
        "os.open(path, flags)",
        "os.fdopen(handle, 'r+b')",
        "os.replace(old, new)",
        "path.write_text(text)",
        "frame.write_parquet(path)",
        "frame.lazy().sink_csv(path)",
    ],
)
def test_the_search_for_writers_finds(line: str, tmp_path: Path) -> None:
    assert writes(planted(tmp_path, f"import os\n{line}\n")) == [2]


@pytest.mark.parametrize(
    "line",
    [
        "open(path)",
        "path.open('rb')",
        "open('wax')",
        "os.open(os.devnull, flags)",
        "text.replace('a', 'b')",
        "files.write_bytes(path, data)",
    ],
)
def test_the_search_for_writers_leaves_alone(line: str, tmp_path: Path) -> None:
    assert not writes(planted(tmp_path, f"from newfound.store import files\n{line}\n"))


def planted(folder: Path, text: str) -> Path:
    path = folder / "planted.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_data_is_ever_run_as_code() -> None:
    loaders = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    found = {
        f"{relative(path)} imports {name}"
        for path in MODULES
        for name in imports(path)
        if under(name, loaders)
    }
    for path in MODULES:
        for call in calls(path):
            name = ast.unparse(call.func)
            unpickles = any(
                keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
                for keyword in call.keywords
            )
            if unpickles or name in {"eval", "exec", "compile", "__import__", "yaml.load", "torch.load"}:
                found.add(f"{relative(path)}:{call.lineno} calls {name}")
    assert not found


def test_every_public_module_says_what_it_is_for() -> None:
    public = [path for path in MODULES if not path.stem.startswith("_") or path.stem == "__init__"]
    assert [relative(path) for path in public if not ast.get_docstring(parse(path))] == []


def test_the_tree_drawn_in_errors_is_the_tree_of_classes() -> None:
    drawn: list[tuple[str, str, str, str]] = []
    parents: dict[int, str] = {}
    for indent, name, exit_code, code in re.findall(
        r"^([│├└─ ]*)(\w+) +(\d+)  ([a-z-]+)$", errors.__doc__ or "", re.MULTILINE
    ):
        parents[len(indent)] = name
        drawn.append((name, parents.get(len(indent) - 4, "Exception"), exit_code, code))
    real = [
        (name, kind.__mro__[1].__name__, str(kind.exit_code), kind.code)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.NewfoundError)
    ]
    assert sorted(drawn) == sorted(real)


def test_every_package_is_listed_for_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "packages"
    ]
    assert {module_name(path.parent / "__init__.py") for path in MODULES} <= set(listed)


def test_constraints_are_plain_versions_of_every_direct_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.+!]+", line) for line in lines)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {re.split(r"[<>=!~\[; ]", line, maxsplit=1)[0].lower() for line in wanted} <= pinned


def test_no_file_names_a_package_index_or_a_place_on_one_machine() -> None:
    pattern = re.compile(
        r"\b(pypi|pythonhosted|anaconda)\.(org|com|io)\b|//[^\s/]+/(\S*/)?simple\b|(find-links|index-url)\b"
        r"|(?<![\w.~}])/(root|home|work|opt|Users)/\w"
    )
    found = {
        f"{relative(path)}:{number}"
        for path in project_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    }
    assert not found


def project_files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and name.lstrip(".") in {name, "ci"}]
        yield from (
            Path(folder, name) for name in names if name in TEXT_NAMES or Path(name).suffix in TEXT_SUFFIXES
        )
