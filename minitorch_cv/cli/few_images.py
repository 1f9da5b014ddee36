"""Training on few images: a recipe that learns from them, and what is said of a loss that stays where it began.

A network that guesses among K classes has the loss ln K. There training begins, and there the loss may stay for a
while, LeNet's with sigmoids for some 80,000 images: a run that ends before has taught nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from ..models.recipes import IMAGES, Recipe, find_recipe
from ..train import Epoch
from .datasets import DataSets
from .settings import Settings
from .wording import count_of

CHOSEN = {"epochs", "limit", "per_class", "classes"}  # whoever gives one of these chose the images, or how often
SCHEDULE = {"schedule", "gamma", "every", "milestones", "warmup"}
STEPS = 20  # fewer are too few for any network
FALLEN = 0.95  # of ln K


def adapted(settings: Settings, sets: DataSets, given: Collection[str]) -> tuple[Settings, str]:
    """Settings that learn from the built-in subset, and what was changed and why; unchanged if it does not serve."""
    if not sets.built_in or CHOSEN & {*given}:
        return settings, ""
    images = len(sets.train)
    few = {name: value for name, value in recipe_of(settings).for_few(images).items() if name not in given}
    if "schedule" in given:
        few = {name: value for name, value in few.items() if name not in SCHEDULE}
    changed = replace(settings, **few)
    return changed, (
        f"{length(changed)}, not {length(settings)} as for {IMAGES:,} images: from {images:,} those would be "
        f"{steps_of(settings, images):,} steps, too few to learn from"
    )


def length(settings: Settings) -> str:
    """`50 epochs of batches of 64 and schedule multistep`."""
    schedule = "" if settings.schedule == "none" else f" and schedule {settings.schedule}"
    return f"{count_of(settings.epochs, 'epoch')} of batches of {settings.batch_size}{schedule}"


def warning(settings: Settings, images: int) -> str:
    """What to say before training where the loss will hardly fall; empty if there are steps enough."""
    epochs = epochs_needed(settings, images)
    if settings.epochs >= epochs:
        return ""
    return (
        f"{count_of(steps_of(settings, images), 'step')}, too few to learn from: at first the loss stays near that of "
        f"guessing; try --epochs {epochs}"
    )


def no_better_than_guessing(settings: Settings, images: int, classes: int, epoch: Epoch) -> str:
    """What to say after training if the network learned nothing, and what to try; empty if it did."""
    guess = math.log(classes)
    if epoch.train_loss < FALLEN * guess or epoch.train_acc > 1.5 / classes or classes == 1:
        return ""
    recipe, epochs = recipe_of(settings), epochs_needed(settings, images)
    if settings.epochs < epochs:
        advice = f"it needs more steps: --epochs {epochs}"
    elif settings.optimizer == recipe.optimizer and settings.lr != recipe.lr:
        advice = f"try the learning rate of its recipe: --lr {recipe.lr:g}"
    else:
        advice = f"try more steps (--epochs {2 * settings.epochs}) or --optimizer adam --lr 0.001"
    return (
        f"the network guesses: its loss is {epoch.train_loss:.3f}, and ln {classes} = {guess:.3f} is what guessing "
        f"among {classes} classes gives; {advice}"
    )


def recipe_of(settings: Settings) -> Recipe:
    """The recipe of the network, built as it is."""
    return find_recipe(settings.model, settings.options)


def plateau_of(settings: Settings) -> int:
    """How many images go by before the loss falls; 0, which is not known, for other steps than the recipe's."""
    recipe = recipe_of(settings)
    same = settings.optimizer == recipe.optimizer and settings.momentum == recipe.momentum and settings.lr <= recipe.lr
    return recipe.plateau if same else 0


def steps_of(settings: Settings, images: int, epochs: int | None = None) -> int:
    """The steps of the whole run, or of so many epochs."""
    return (settings.epochs if epochs is None else epochs) * math.ceil(images / settings.batch_size)


def epochs_needed(settings: Settings, images: int) -> int:
    """The epochs after which the loss has fallen, as far as is known."""
    return max(math.ceil(plateau_of(settings) / images), math.ceil(STEPS / steps_of(settings, images, epochs=1)))
