"""What pytest adds to every test here."""

import pytest

import support


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails shows what the programs that it ran on said last."""
    made = yield
    report = made.get_result()
    if report.failed:
        for name, text in support.tails():
            report.sections.append((f"the end of what {name} says", text))
