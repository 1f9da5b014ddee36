import pytest

from minitorch_cv.cli import main
from minitorch_cv.cli.options import parsed


def test_summary_of_lenet(capsys):
    assert main(["summary", "lenet", "--input", "2,1,28,28", "--depth", "1", "--option", "activation=relu"]) == 0
    printed = capsys.readouterr().out
    assert "├─Sequential (features): 1-1" in printed
    assert "[2, 16, 5, 5]" in printed
    assert "Total params: 61,706" in printed
    assert "Total mult-adds: 833,040" in printed
    assert "Conv2d" not in printed


def test_the_usual_size_without_an_input(capsys):
    assert main(["summary", "lenet"]) == 0
    assert "[1, 6, 28, 28]" in capsys.readouterr().out
    assert main(["summary", "shufflenet_v2", "--depth", "1", "--option", "in_channels=3"]) == 0
    assert "[1, 24, 48, 48]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenett", "--input", "1,1"], "unknown model 'lenett'"),
        (
            ["lenet", "--input", "1,x"],
            "--input 1,x: must be positive whole numbers with commas, for instance 1,1,28,28",
        ),
        (["lenet", "--input", "1,0,28,28"], "--input 1,0,28,28: must be positive"),
        (["lenet", "--input", "1,3,28,28"], "LeNet: takes images of shape (N, 1, 28, 28), got (1, 3, 28, 28)"),
        (["lenet", "--input", "1,1", "--option", "activation"], "--option activation: must be NAME=VALUE"),
        (["lenet", "--input", "1,1", "--option", "ratio=3"], "lenet has no option 'ratio'"),
    ],
)
def test_errors_are_one_line(capsys, arguments, message):
    assert main(["summary", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_values_of_options():
    texts = [
        "ratio=4",
        "activation=relu",
        "dropout=0.5",
        "norm=None",
        "widths=(1, 2)",
        "image-size=64",
        "a=b=c",
        "version=1_1",
    ]
    assert parsed(texts) == {
        "ratio": 4,
        "activation": "relu",
        "dropout": 0.5,
        "norm": None,
        "widths": (1, 2),
        "image_size": 64,
        "a": "b=c",
        "version": "1_1",
    }


@pytest.mark.parametrize("text", ["ratio", "=3", "ratio="])
def test_an_option_without_name_or_value(text):
    with pytest.raises(ValueError, match=f"--option {text}: must be NAME=VALUE"):
        parsed([text])


def test_an_option_given_twice():
    with pytest.raises(ValueError, match=r"--option ratio=2: ratio was given before, as 1; give it once"):
        parsed(["ratio=1", "ratio=2"])
