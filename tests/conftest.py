"""A project trained once on a small world of known tastes, and a copy of it for each test that asks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from newfound.project import Project
from newfound.serving.bundle import Bundle, open_bundle

from .worlds import World, make_world, write_world


@pytest.fixture(scope="session")
def world() -> World:
    """Who likes what in `trained` and `project`."""
    return make_world()


@pytest.fixture(scope="session")
def trained(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with `default@v1` and the campaigns `exploit`, `default` and `explore`: look, do not touch."""
    folder = tmp_path_factory.mktemp("world")
    Project.init(folder / "project")
    project = Project.open(folder / "project")
    for dataset, path in write_world(world, folder):
        project.import_dataset(dataset, [path])
    project.create_solution("default", hyperparameters={"hidden_dimension": "32"})
    project.train()
    for name, weight in (("exploit", 0.0), ("default", 0.3), ("explore", 1.0)):
        project.create_campaign(name, exploration_weight=weight)
    return project.root


@pytest.fixture(scope="session")
def bundle(trained: Path) -> Bundle:
    """The serving bundle of `default@v1`."""
    return open_bundle(trained / "solutions/default/versions/v1/serving")


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Project:
    """A copy of the trained project that a test may change."""
    return Project.open(shutil.copytree(trained, tmp_path / "copied"))
