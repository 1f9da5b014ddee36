import inspect

import pytest

from minitorch_cv.models import BOOK as NETWORKS
from minitorch_cv.models.recipes import BOOK, OURS, RECIPES, find_recipe


@pytest.mark.parametrize(
    ("name", "lr", "batch_size", "resize"),
    [
        ("lenet", 0.9, 256, 28),
        ("bn_lenet", 1.0, 256, 28),
        ("alexnet", 0.01, 128, 224),
        ("vgg11", 0.05, 128, 224),
        ("nin", 0.1, 128, 224),
        ("googlenet", 0.1, 128, 96),
        ("resnet18", 0.05, 256, 96),
        ("densenet", 0.1, 256, 96),
    ],
)
def test_the_settings_of_the_book(name, lr, batch_size, resize):
    recipe = RECIPES[name]
    assert (recipe.lr, recipe.batch_size, recipe.resize, recipe.epochs) == (lr, batch_size, resize, 10)
    assert (recipe.optimizer, recipe.momentum, recipe.weight_decay, recipe.schedule) == ("sgd", 0, 0, "none")
    assert recipe.source == BOOK


def test_the_book_trains_vgg_with_a_quarter_of_the_channels():
    assert RECIPES["vgg11"].options == {"ratio": 4}


def test_other_networks_are_marked_as_not_the_books():
    assert {RECIPES[name].source for name in ("resnet50", "squeezenet", "vgg16", "mobilenet_v2")} == {OURS}
    assert find_recipe("a network without a recipe").source == OURS


@pytest.mark.parametrize(
    ("activation", "lr", "source"), [("sigmoid", 0.9, BOOK), ("relu", 0.1, OURS), ("tanh", 0.1, OURS)]
)
def test_lenet_is_trained_as_its_activation_needs_it(activation, lr, source):
    recipe = find_recipe("lenet", {"activation": activation, "num_classes": 3})
    assert (recipe.lr, recipe.source) == (lr, source)


def test_options_that_say_nothing_of_the_training_leave_the_recipe():
    for name, options in (
        ("lenet", {"num_classes": 3}),
        ("lenet", {}),
        ("lenet", None),
        ("mlp", {"activation": "relu"}),
    ):
        assert find_recipe(name, options) is RECIPES[name]


@pytest.mark.parametrize(
    ("name", "images", "epochs"), [("mlp", 6000, 100), ("alexnet", 6000, 100), ("mlp", 60000, 10), ("nin", 7000, 90)]
)
def test_few_images_are_gone_through_more_often(name, images, epochs):
    assert RECIPES[name].for_few(images) == {"epochs": epochs}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_recipe_whose_options_it_takes(name):
    assert set(RECIPES[name].options) <= set(inspect.signature(NETWORKS[name]).parameters)
