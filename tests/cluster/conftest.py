"""Fixtures: clusters of real processes, all ended with the test."""

import os

import pytest

import world
import skerry


def pytest_report_header(config):
    return f"skerry: {skerry.BIN}; SEED={skerry.seed()}"


def pytest_collection_modifyitems(config):
    if not config.option.collectonly and not os.access(skerry.BIN, os.X_OK):
        raise pytest.UsageError(f"no program at {skerry.BIN}: build it, or name it with SKERRY_BIN")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure comes what the nodes said."""
    report = (yield).get_result()
    if report.failed:
        for name, value in item.funcargs.items():
            if isinstance(value, world.Cluster):
                report.sections.append((f"logs of {name}", value.tails()))


def opened(path, count, zones):
    cluster = world.Cluster(path)
    try:
        yield cluster.form(count, zones)
        cluster.stop()
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Five nodes in three zones, formed by configuration files alone; for the tests of one file, in their order."""
    yield from opened(tmp_path_factory.mktemp("five"), 5, 3)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three nodes in three zones; the same."""
    yield from opened(tmp_path_factory.mktemp("three"), 3, 3)
