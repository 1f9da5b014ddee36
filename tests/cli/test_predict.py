import json

import numpy as np
import pytest
from PIL import Image

from minitorch_cv import models, nn
from minitorch_cv.cli import main
from minitorch_cv.train import save_weights

CLASSES = ["dark", "middle", "light"]


def save_run(folder, channels, weight, bias, size=4):
    """A softmax regression on `size`² pixels, with scores weight · (mean of each channel) + bias, as a run's folder."""
    network = models.build("softmax_regression", {"in_channels": channels, "num_classes": 3, "image_size": size})
    pixels = np.repeat(np.asarray(weight, "f4")[:, :, None], size**2, axis=2) / size**2  # (3, C) -> (3, C, S S)
    nn.init.zeros_(network.fc.bias)
    network.load_state_dict({"fc.weight": pixels.reshape(3, -1), "fc.bias": np.asarray(bias, "f4")})
    folder.mkdir()
    facts = {
        "model": "softmax_regression",
        "options": {},
        "in_channels": channels,
        "classes": CLASSES,
        "resize": size,
    }
    save_weights(network, folder / "weights.safetensors", facts)
    return str(folder)


@pytest.fixture
def grey(tmp_path):
    """Scores 0, 2m - 0.5 and 4m - 2 for grey images of mean brightness m."""
    return save_run(tmp_path / "grey", 1, [[0], [2], [4]], [0, -0.5, -2])


def probabilities(mean):
    """The softmax of those scores."""
    shares = np.exp([0, 2 * mean - 0.5, 4 * mean - 2])
    return shares / shares.sum()


@pytest.fixture
def picture(tmp_path):
    """Saves a picture of one brightness, and returns its path."""

    def save(name, value, mode="L", size=(4, 4)):
        path = tmp_path / name
        Image.new(mode, size, value).save(path)
        return str(path)

    return save


def test_a_table_of_the_likeliest_classes(grey, picture, capsys):
    files = [picture("black.png", 0), picture("a.png", 255)]
    assert main(["predict", grey, *files]) == 0
    titles, first, second = capsys.readouterr().out.splitlines()
    assert titles.split() == ["file", "likeliest", "2.", "3."]
    dark, light = probabilities(0), probabilities(1)
    assert first.split() == [
        *(files[0], "dark", f"{dark[0]:.1%}", "middle", f"{dark[1]:.1%}", "light", f"{dark[2]:.1%}")
    ]
    assert second.split()[:3] == [files[1], "light", f"{light[2]:.1%}"]
    assert first.index("dark") == second.index("light", len(files[1]))


def test_json(grey, picture, capsys):
    path = picture("x.png", 102)
    assert main(["predict", grey, path, "--top", "2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["model"] == "softmax_regression"
    [entry] = printed["images"]
    expected = probabilities(0.4)
    assert entry["file"] == path
    assert [found["class"] for found in entry["classes"]] == ["middle", "dark"]
    np.testing.assert_allclose(
        [found["probability"] for found in entry["classes"]], [expected[1], expected[0]], atol=2e-6
    )


def test_more_than_there_are(grey, picture, capsys):
    assert main(["predict", grey, picture("x.png", 0), "--top", "9", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["images"][0]["classes"]) == 3


def first_class(capsys):
    """The likeliest class of the only image, and its probability."""
    found = json.loads(capsys.readouterr().out)["images"][0]["classes"][0]
    return found["class"], found["probability"]


def test_inverted_images(grey, picture, capsys):
    assert main(["predict", grey, picture("x.png", 255), "--invert", "--json"]) == 0
    assert first_class(capsys) == ("dark", pytest.approx(probabilities(0)[0], abs=2e-6))


def test_coloured_images_of_another_size_are_made_grey_and_resized(grey, picture, capsys):
    path = picture("x.jpg", (255, 255, 255), "RGB", size=(31, 17))
    assert main(["predict", grey, path, "--json"]) == 0
    assert first_class(capsys) == ("light", pytest.approx(probabilities(1)[2], abs=2e-6))


def test_grey_images_for_a_network_of_coloured_ones(tmp_path, picture, capsys):
    run = save_run(tmp_path / "colour", 3, [[1, 0, 0], [0, 3, 0], [0, 0, 2]], [0, 0, 0])
    assert main(["predict", run, picture("grey.png", 255), "--json"]) == 0
    shares = np.exp([1, 3, 2])
    assert first_class(capsys) == ("middle", pytest.approx(shares[1] / shares.sum(), abs=2e-6))
    assert main(["predict", run, picture("blue.png", (0, 0, 255), "RGB"), "--json"]) == 0
    assert first_class(capsys)[0] == "light"


def test_many_images_keep_their_order(grey, picture, capsys):
    files = [picture(f"{i}.png", 255 * (i % 2)) for i in range(70)]
    assert main(["predict", grey, *files, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["images"]
    assert [entry["file"] for entry in entries] == files
    assert [entry["classes"][0]["class"] for entry in entries] == ["dark", "light"] * 35


def test_broken_and_missing_files_are_named_and_the_others_shown(grey, picture, tmp_path, capsys):
    good, broken = picture("good.png", 0), tmp_path / "broken.png"
    broken.write_bytes((tmp_path / "good.png").read_bytes()[:40])
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    files = [str(tmp_path / "missing.png"), str(broken), good, str(text), str(tmp_path)]
    assert main(["predict", grey, *files]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert good in printed.out
    errors = printed.err.splitlines()
    assert len(errors) == 4
    assert errors[0] == f"minitorch-cv: error: {files[0]}: no such file"
    for line, file in zip(errors[1:], (files[1], files[3], files[4])):
        assert line.startswith(f"minitorch-cv: error: {file}: cannot be read as an image (")


def test_broken_files_in_json(grey, picture, tmp_path, capsys):
    missing = str(tmp_path / "missing.png")
    assert main(["predict", grey, missing, picture("good.png", 0), "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)["images"]
    assert first == {"file": missing, "error": f"{missing}: no such file"}
    assert second["classes"][0]["class"] == "dark"


def test_no_readable_file_at_all(grey, tmp_path, capsys):
    assert main(["predict", grey, str(tmp_path / "missing.png")]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "x.png"], "nowhere: no such file or folder; name a folder that `minitorch-cv train` left"),
        (["GREY", "x.png", "--top", "0"], "--top 0: must be at least 1"),
        (["GREY"], "Missing argument 'IMAGE...'"),
    ],
)
def test_wrong_options(grey, capsys, arguments, message):
    assert main(["predict", *(grey if text == "GREY" else text for text in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_network_for_images_that_no_file_holds(tmp_path, picture, capsys):
    run = save_run(tmp_path / "two", 2, [[1, 0], [0, 3], [0, 0]], [0, 0, 0])
    assert main(["predict", run, picture("x.png", 0)]) == 2
    assert "takes 2 channels, but image files have 1 (grey) or 3 (colour)" in capsys.readouterr().err


def test_outputs_beyond_the_classes_of_the_data(tmp_path, picture, capsys):
    network = models.build("softmax_regression", {"num_classes": 3, "image_size": 4})
    network.load_state_dict({"fc.weight": np.zeros((3, 16), "f4"), "fc.bias": np.array([0, 1, 5], "f4")})
    facts = {"in_channels": 1, "classes": ["a", "b"], "resize": 4}
    metadata = {"model": "softmax_regression", "options": {"num_classes": 3}, **facts}
    save_weights(network, tmp_path / "w.safetensors", metadata)
    assert main(["predict", str(tmp_path / "w.safetensors"), picture("x.png", 0), "--json"]) == 0
    assert first_class(capsys)[0] == "class 2"


def likeliest(printed):
    """What --json says, by the name of the file."""
    return {entry["file"].rpartition("/")[2]: entry for entry in json.loads(printed)["images"]}


def test_pictures_of_more_than_8_bits_keep_their_brightness(grey, tmp_path, capsys):
    level, expected = 0.6, probabilities(153 / 255)
    files = {
        "16.png": np.full((4, 4), round(level * 65535), np.uint16),
        "16.tif": np.full((4, 4), round(level * 65535), np.uint16),
        "float.tif": np.full((4, 4), level, np.float32),
        "8.png": np.full((4, 4), 153, np.uint8),
    }
    for name, array in files.items():
        Image.fromarray(array).save(tmp_path / name)
    assert main(["predict", grey, *(str(tmp_path / name) for name in files), "--json"]) == 0
    for entry in likeliest(capsys.readouterr().out).values():
        shares = {found["class"]: found["probability"] for found in entry["classes"]}
        np.testing.assert_allclose([shares[name] for name in CLASSES], expected, atol=2e-6)


def test_a_photo_is_seen_upright(tmp_path, picture, capsys):
    """Scores that depend on the upper half alone."""
    run = save_run(tmp_path / "halves", 1, [[0], [2], [4]], [0, -0.5, -2])
    network = models.build("softmax_regression", {"num_classes": 3, "image_size": 4})
    weights = np.zeros((3, 4, 4), np.float32)
    weights[:, :2] = np.array([0, 2, 4])[:, None, None] / 8
    network.load_state_dict({"fc.weight": weights.reshape(3, 16), "fc.bias": np.array([0, -0.5, -2], "f4")})
    facts = {"model": "softmax_regression", "options": {}, "in_channels": 1, "classes": CLASSES, "resize": 4}
    save_weights(network, tmp_path / "halves" / "weights.safetensors", facts)
    upright = np.zeros((4, 4), np.uint8)
    upright[:2] = 255
    for orientation, stored in [(1, upright), (3, upright[::-1]), (6, np.rot90(upright)), (8, np.rot90(upright, -1))]:
        image = Image.fromarray(np.ascontiguousarray(stored))
        exif = image.getexif()
        exif[0x112] = orientation
        image.save(tmp_path / f"{orientation}.png", exif=exif)
    assert main(["predict", run, *(str(tmp_path / f"{i}.png") for i in (1, 3, 6, 8)), "--json"]) == 0
    for entry in likeliest(capsys.readouterr().out).values():
        assert entry["classes"][0] == {"class": "light", "probability": round(float(probabilities(1)[2]), 6)}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_pictures_that_cannot_be_scaled_or_are_huge_are_named(grey, tmp_path, monkeypatch, capsys):
    Image.fromarray(np.full((4, 4), 300, np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(np.full((4, 4), 300, np.int32)).save(tmp_path / "int.tif")
    Image.new("L", (200, 100)).save(tmp_path / "huge.png")
    Image.new("L", (4, 4)).save(tmp_path / "good.png")
    names = ["float.tif", "int.tif", "huge.png", "good.png"]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 19_999)
    assert main(["predict", grey, *(str(tmp_path / name) for name in names), "--json"]) == 1
    printed = capsys.readouterr()
    entries = likeliest(printed.out)
    assert "its levels go from 300.0 to 300.0, not from 0 to 1" in entries["float.tif"]["error"]
    assert "its pixels are signed numbers" in entries["int.tif"]["error"]
    assert "has 200 x 100 pixels. At most 19,999 are read" in entries["huge.png"]["error"]
    assert entries["good.png"]["classes"][0]["class"] == "dark"
    assert printed.err.count("minitorch-cv: error: ") == printed.err.count("\n") == 3


def test_a_name_that_no_file_can_have(grey, picture, capsys):
    assert main(["predict", grey, "x" * 5000 + ".png", picture("good.png", 0)]) == 1
    assert capsys.readouterr().err.endswith("x.png: no such file\n")
