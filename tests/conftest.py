"""For all tests: the option `--long`, and one thread for torch."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long forms of tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: run with --long"))


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    """More threads would make the times of tests, and the order of sums, depend on the machine."""
    import torch

    torch.set_num_threads(1)
