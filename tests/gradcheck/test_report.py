"""The text and the counts of a report."""

import pytest

from minitorch_cv.gradcheck import Element, Report


def element(error, index=(1, 2)):
    return Element("weight", index, 0.5, 1.25, 1.5, error)


def test_the_worst_element_is_kept_and_named():
    report = Report(rtol=1e-6)
    for error in (1e-9, 3e-2, 1e-8):
        report.compared(element(error))
    assert (report.checked, report.failures, report.worst.relative_error) == (3, 1, 3e-2)
    assert str(report) == (
        "gradcheck FAILED: 3 elements checked, 0 at kinks, 1 wrong (rtol 1e-06)\n"
        "  worst: relative error 3.0e-02 at weight[1, 2] = 0.5: analytic 1.25, numeric 1.5"
    )


def test_nan_fails_and_is_worse_than_any_number():
    report = Report(rtol=1e-6)
    for error in (1e9, float("nan"), 1e10):
        report.compared(element(error))
    assert report.failures == 3
    assert report.worst.relative_error != report.worst.relative_error


@pytest.mark.parametrize(
    ("error", "problems", "ok"), [(0.0, [], True), (1.0, [], False), (0.0, ["x was changed"], False)]
)
def test_a_report_is_true_only_without_failures_and_problems(error, problems, ok):
    report = Report(rtol=1e-6, problems=problems)
    report.compared(element(error))
    assert (report.ok, bool(report)) == (ok, ok)
    assert all(problem in str(report) for problem in problems)


def test_a_number_has_no_index():
    assert "at weight = 0.5:" in str(element(0.0, ()))
