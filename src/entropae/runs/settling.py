"""What a recipe leaves open, settled by the data: the code's dimensions, where training starts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tqdm.auto import tqdm

from entropae.kinds import Kind, Samples
from entropae.latent import Entropic
from entropae.messages import number_of
from entropae.metrics.principal import PrincipalComponents
from entropae.model import Autoencoder, choose_augmentation, components_of, pca_error
from entropae.model.dimension import MOST, choose_dim
from entropae.nn import ResidualDecoder, has_linear_path, linear_weights
from entropae.nn.architectures import suited
from entropae.recipe import AUTO, Recipe
from entropae.runs.files import latent_of, leaves_latent
from entropae.training.budget import Plan, lasting, planned
from entropae.training.fitting import RATES
from entropae.training.looks import FirstLook
from entropae.training.trainers import place_of

# Training samples from which a kind's `many_start` is taken, and from which its `many_latent`.
MANY, SOME = 20_000, 10_000
# Samples that a first look is calibrated on.
SHOWN = 1024
# Of principal components' error: up to which a model's is about the same.
ALIKE = 1.05
# Of the held-out error: below which that of training samples shows that they are known by heart.
BY_HEART = 0.7


def settled(
    recipe: Recipe, train: Samples, held_out: Samples, *, say: bool = True
) -> tuple[Recipe, PrincipalComponents | None]:
    """A recipe with numbers for what is left open, and the training samples' components.

    Args:
        recipe: The recipe.
        train: The training samples.
        held_out: Those that a number is chosen by.
        say: Print in a line which number was chosen, and why.

    Returns:
        The components are `None` for samples that have none, as sentences.

    Raises:
        ValueError: If all training samples are equal.
    """
    if recipe.batch_size is None:
        recipe = replace(recipe, batch_size=train.kind.batch_size)
    bare = recipe.prior == "normal" or (recipe.prior == "auto" and held_out is train)
    recipe = _with_latent(recipe, train, bare=bare, say=say)
    recipe = _suited(recipe, train.kind, bare=bare)
    start = _start(recipe, train)
    if say and start == "random" != recipe.model.start and latent_of(recipe).constrains:
        print(
            "Training starts at random weights (--model.start random): the latent normalises the "
            "decoder's layers."
        )
    recipe = replace(recipe, model=replace(recipe.model, start=start))
    latent = recipe.model.latent
    chosen = latent.get("dim") == AUTO
    found = None
    if train.kind.numeric:
        most = MOST if chosen else int(latent.get("dim", MOST))
        found = components_of(train, most, seed=recipe.seed)
        if not len(found.axes):
            raise ValueError(
                f"All {len(train):,} {train.kind.things} to train on are equal: there is nothing "
                "to learn from them. Give data that vary."
            )
    if chosen:
        if found is None:
            dim, why = train.kind.dim, f"what suits {train.kind.things}"
        else:
            dim, why = choose_dim(train, held_out, found)
        if more := latent_of(recipe).constraints:
            dim, why = dim + more, f"{why}, and {more} more for the constraint on each code"
        if say:
            code = number_of(dim, "dimension")
            print(f"A code of {code}: {why}. Another number: --model.latent.dim.")
        recipe = replace(recipe, model=replace(recipe.model, latent=latent | {"dim": dim}))
    return _augmented(recipe, train, held_out, say=say), found


def _start(recipe: Recipe, train: Samples) -> Literal["pca", "random"]:
    """Where training starts: at principal components, unless that would hold it back."""
    model, kind = recipe.model, train.kind
    if kind.numeric and latent_of(recipe).constrains:
        return "random"
    if model.start != AUTO:
        return model.start
    many = len(train) >= MANY and kind.numeric and suited(model.network, kind.shape) == "mlp"
    return kind.many_start if many else "pca"


def _with_latent(recipe: Recipe, train: Samples, *, bare: bool, say: bool) -> Recipe:
    """A recipe that says which latent it has; bare codes are Entropic, however many there are."""
    latent = recipe.model.latent
    if latent.get("name", AUTO) != AUTO:
        return recipe
    some = len(train) >= SOME and not bare and leaves_latent(recipe)
    name = train.kind.many_latent if some else "entropic"
    if say and name != "entropic":
        print(
            f"Codes on a sphere, whose samples are the best of so many {train.kind.things}. With "
            "entropy instead: --model.latent.name entropic."
        )
    return replace(recipe, model=replace(recipe.model, latent=latent | {"name": name}))


def _suited(recipe: Recipe, kind: Kind, *, bare: bool) -> Recipe:
    """A recipe whose Entropic latent has the noise and the weight that suit such samples.

    Bare codes, drawn from N(0, I) as they are, need entropy most: for them the weight stays.
    """
    latent = recipe.model.latent
    if not isinstance(latent_of(recipe), Entropic):
        return recipe
    suited: dict[str, Any] = {"noise": (kind.noise, kind.noise)} if kind.noise else {}
    if kind.weight is not None and not bare:
        suited["weight"] = kind.weight
    added = {name: value for name, value in suited.items() if name not in latent}
    return replace(recipe, model=replace(recipe.model, latent=latent | added))


def _augmented(recipe: Recipe, train: Samples, held_out: Samples, *, say: bool) -> Recipe:
    """A recipe that says whether samples are changed at random."""
    if recipe.augment != AUTO or not train.kind.augmentations:
        return recipe
    if held_out is train:  # nothing tells whether it would help
        return replace(recipe, augment="none")
    dim = int(recipe.model.latent["dim"])
    name: Any = choose_augmentation(train, held_out, dim, seed=recipe.seed)
    if say and name != "none":
        done = " and ".join(
            {"flip": "mirrored", "shift": "shifted"}[one] for one in name.split("-")
        )
        things = train.kind.things
        print(
            f"Training {things} are {done} at random: principal components of such {things} fit "
            "the held-out ones better (--augment)."
        )
    return replace(recipe, augment=name)


def rate_of(recipe: Recipe, model: Autoencoder) -> float:
    """The learning rate of a recipe; if it says none, what suits the networks."""
    if recipe.learning_rate is not None:
        return recipe.learning_rate
    if not has_linear_path(model.decoder) or linear_weights(model):
        return RATES["random"]
    return RATES["residual" if isinstance(model.decoder, ResidualDecoder) else "pca"]


def scheduled(recipe: Recipe, model: Autoencoder, train: Samples) -> Recipe:
    """A recipe with a number of passes, as many as fit in its time. Says how long they will take.

    Raises:
        ValueError: If several processes are to train in a given time.
    """
    if recipe.minutes is None:
        return recipe
    batch_size = recipe.batch_size or train.kind.batch_size
    plan = planned(
        model,
        train,
        batch_size,
        minutes=recipe.minutes,
        wanted=recipe.epochs,
        device=place_of(recipe.trainer),
    )
    print(said_of(plan, train, batch_size))
    return replace(recipe, epochs=plan.epochs)


def said_of(plan: Plan, train: Samples, batch_size: int) -> str:
    """How long a training will take, and how long one that is worth its while would."""
    kind, steps = train.kind, math.ceil(len(train) / batch_size)
    passes = "1 pass" if plan.epochs == 1 else f"{plan.epochs} passes"
    said = f"{passes} over {len(train)} {kind.things}: about {lasting(plan.epochs * plan.seconds)}."
    if plan.epochs * steps < min(kind.enough, plan.wanted * steps):
        least = min(plan.wanted, math.ceil(kind.enough / steps))
        return (
            f"{said} That is {plan.epochs * steps} steps; {kind.things} are seldom worth reading "
            f"before {kind.enough}: --epochs {least} takes about {lasting(least * plan.seconds)}."
        )
    if plan.epochs == plan.wanted:
        return said
    return (
        f"{said} All {plan.wanted} would take about {lasting(plan.wanted * plan.seconds)}: give it "
        f"--epochs {plan.wanted}, or more --minutes."
    )


def first_look(train: Samples, held_out: Samples, folder: Path, *, seed: int) -> FirstLook:
    """Shows a model that is still being trained in its run's folder, after half a minute."""

    def show(model: Autoencoder, epoch: int) -> None:
        kind = held_out.kind
        kind.learn(model, held_out.some(SHOWN))
        written = kind.illustrate(model, held_out, folder, seed=seed)
        if written:
            # Not into the progress bar's line.
            tqdm.write(
                f"A first look, from pass {epoch}: {written[0]}. It is written anew at the end."
            )

    return FirstLook(show, [train.spread(SHOWN)])


def against_pca(
    model: Autoencoder, held_out: Samples, found: PrincipalComponents, error: float, known: float
) -> dict[str, Any]:
    """The held-out error of as many principal components as the code has dimensions.

    Says in a line if the model does not have less, and what may be done about it.

    Args:
        model: A trained model.
        held_out: The samples that its error was measured on.
        found: Components of its training samples.
        error: The model's squared error.
        known: The same of its training samples.
    """
    clip = getattr(model.decoder, "output", None) in ("sigmoid", "clip")
    dim = model.latent.dim
    linear = pca_error(held_out, found, dim, clip=clip)
    measured = {"components": min(dim, len(found.axes)), "mean_squared_error": linear}
    if error < linear:
        return measured
    components = number_of(dim, "principal component")
    said = f"the held-out squared error is {error:.3g}, that of {components}"
    if error <= ALIKE * linear:
        print(f"As good as principal components: {said} {linear:.3g}.")
        return measured
    remedies = []
    if known < BY_HEART * error:
        said = f"the squared error is {known:.3g} in training and {error:.3g} held out, that of"
        said += f" {components}"
        remedies.append("train for fewer passes (--epochs) or on more samples")
    else:
        remedies.append("train longer (--epochs)")
    if not has_linear_path(model.decoder):
        remedies.append("start from them (--model.start pca)")
    weight = getattr(model.latent, "weight", 0)
    if weight:
        remedies.append(f"ask less of the code (--model.latent.weight {weight / 2:g})")
    print(
        f"No better than principal components: {said} {linear:.3g}. What may help: "
        f"{', or '.join(remedies)}."
    )
    return measured
