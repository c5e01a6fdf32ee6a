"""Fixtures: one server for the session, a bucket for each file of tests, fresh names for each test."""

import itertools
import os

import pytest

import skerry
import wire

counter = itertools.count(1)


def pytest_report_header(config):
    return f"skerry: {skerry.BIN}; SEED={skerry.seed()}"


def pytest_collection_modifyitems(config):
    if not config.option.collectonly and not os.access(skerry.BIN, os.X_OK):
        raise pytest.UsageError(f"no program at {skerry.BIN}: build it, or name it with SKERRY_BIN")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure comes what the servers of the test said."""
    report = (yield).get_result()
    if report.failed:
        for name, value in item.funcargs.items():
            for server in getattr(value, "servers", [value]):
                if isinstance(server, skerry.Server):
                    report.sections.append((f"log of {name}", server.tail()))


def unique(prefix):
    return f"{prefix}-{next(counter)}"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server most tests share."""
    shared = skerry.Server(tmp_path_factory.mktemp("shared"))
    yield shared
    try:
        shared.stop()
    finally:
        shared.kill()


@pytest.fixture
def start_server(tmp_path):
    """Start further servers, stopped with the test: start_server(*flags, name="one folder", start=True)."""
    servers = []

    def start(*flags, name="data", **options):
        server = skerry.Server(tmp_path / name, *flags, start=False, **options)
        servers.append(server)
        return server.start()

    start.servers = servers
    yield start
    for server in servers:
        server.kill()
        server.check_log()


@pytest.fixture(scope="session")
def key(server):
    """A key that may read and write all buckets of these fixtures."""
    return server.admin.create_key("tests")


def new_client(server, key, kind=skerry.Client):
    alias = unique("bucket")
    server.admin.create_bucket(alias)
    server.admin.allow(alias, key)
    return kind(server, key, alias)


@pytest.fixture(scope="module")
def k2v(server, key):
    """A client with a bucket that the tests of one file share."""
    client = new_client(server, key)
    yield client
    client.close()


@pytest.fixture
def fresh(server, key):
    """A client with a bucket nobody else uses."""
    client = new_client(server, key)
    yield client
    client.close()


@pytest.fixture
def by_hand(server, key, k2v):
    """A client of the shared bucket that is signed by hand."""
    client = skerry.HandClient(server, key, k2v.bucket)
    yield client
    client.close()


@pytest.fixture
def pk():
    """A partition key nobody else uses."""
    return unique("partition")
