"""The lists of requirements, and the lock files that `make lock` makes of them, agree."""

import re
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.documents import read

LISTS = ["requirements", "requirements-dev"]
ENTRY = re.compile(  # of a lock file
    r"([a-z0-9-]+)==([\w.]+)(?: ; [^\n\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)


@cache
def read_lock(name: str) -> dict[str, tuple[str, str]]:
    """Return the version and the hashes of each package of a lock file, which has nothing else."""
    text = re.sub(r"^ *#.*\n", "", read(f"{name}.lock"), flags=re.MULTILINE)
    assert ENTRY.sub("", text) == ""
    return {package: (version, hashes) for package, version, hashes in ENTRY.findall(text)}


def read_list(name: str) -> list[Requirement]:
    """Return the direct requirements, with those of a list that this one includes."""
    lines = [line.partition("#")[0].strip() for line in read(f"{name}.txt").splitlines()]
    included = [each for line in lines for each in re.findall(r"^-r (\S+)\.txt$", line)]
    own = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return own + [requirement for each in included for requirement in read_list(each)]


@pytest.mark.parametrize("name", LISTS)
def test_every_requirement_is_locked(name: str) -> None:
    requirements = read_list(name)
    assert {"flask", "psycopg"} <= {each.name.lower() for each in requirements}
    for requirement in requirements:
        version, _ = read_lock(name)[canonicalize_name(requirement.name)]
        assert str(requirement.specifier) == f"=={version}", "run 'make lock'"


def test_tests_use_the_versions_of_the_service() -> None:
    tested = read_lock("requirements-dev")
    assert {name: tested[name] for name in read_lock("requirements")} == read_lock("requirements")


def test_make_and_docker_install_from_the_lock_files() -> None:
    makefile = read("Makefile")
    assert re.findall(r"pip install(.*)", makefile) == [
        " --quiet --disable-pip-version-check --require-hashes"
    ]
    assert re.findall(r"\$\(PIP\) (.*?) &&", makefile) == [
        "-r requirements.lock",
        "-r requirements-dev.lock",
    ]
    assert not re.search(r"\bpip\b", read(".ci/run"))  # it runs make
