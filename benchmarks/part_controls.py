"""The controls of ``controls.py``: changes of one part of the network, and the scores under them.

Parts are reached through the functions and modules that scoring calls, so a network that is built
differently needs no other controls as long as these exist.
"""

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.data.clips import VideoClip
from depmap_cli.evaluation.estimate_clip import ClipEstimate, estimate_clip
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.behaviour import BehaviourEncoder
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.distillation import prototype_activations
from depmap_cli.model.guidance import SemanticGuidance
from depmap_cli.model.signals import mix_scores, shifted_to_mean_over_time
from depmap_cli.runtime.seeding import generator_for
from depmap_cli.scoring.inference import face_batches
from depmap_cli.scoring.samplings import frame_weights
from depmap_cli.semantics.clip_model import SemanticModel

DRAWS = 3
"""Draws of each random control; its RMSE is the mean over draws."""
DELETED = (0.1, 0.25, 0.5)
"""Shares of the frames that are removed from a clip."""
TOKEN_FRAMES = 16
"""Frames of each clip whose tokens are kept for the measures."""
AS_TRAINED = "as trained"


@contextmanager
def function_replaced(function: Callable, by: Callable) -> Iterator[None]:
    """Replace a function of the package wherever one of its modules refers to it.

    Raises:
        ValueError: none does.
    """
    places = [
        (module, name)
        for key, module in list(sys.modules.items())
        if key.startswith("depmap_cli")
        for name, value in list(vars(module).items())
        if value is function
    ]
    if not places:
        raise ValueError(f"depmap_cli has no {function.__name__}")
    for module, name in places:
        setattr(module, name, by)
    try:
        yield
    finally:
        for module, name in places:
            setattr(module, name, function)


@contextmanager
def module_replaced(owner: nn.Module, name: str, by: nn.Module) -> Iterator[None]:
    """Replace a direct sub-module."""
    before = getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def hooked(module: nn.Module, hook: Callable, before: bool = False) -> Iterator[None]:
    """Call ``hook`` after each forward pass of a module, or before it."""
    register = module.register_forward_pre_hook if before else module.register_forward_hook
    handle = register(hook)
    try:
        yield
    finally:
        handle.remove()


def modules_of(model: DepMap, kind: type[nn.Module]) -> dict[str, nn.Module]:
    """Modules of one class, by name."""
    return {name: part for name, part in model.named_modules() if isinstance(part, kind)}


def attentions_of(model: DepMap) -> dict[str, nn.Module]:
    """The channel attentions of MSR, by name."""
    return {n: part for n, part in model.named_modules() if n.rpartition(".")[2] == "attention"}


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """The networks that score clips, and how many frames they take."""

    model: DepMap
    semantics: SemanticModel
    device: torch.device
    frames: int
    training_frames: int


class ScoredClip:
    """A clip whose backbone maps are computed once, so that it can be scored many times."""

    @torch.inference_mode()
    def __init__(self, scoring: Scoring, clip: VideoClip, number: int) -> None:
        self.number = number
        self._scoring, self._clip = scoring, clip
        self.rows = clip.sample_evenly(scoring.frames)
        pixels = [clip.faces[self.rows[batch]] for batch in face_batches(len(self.rows), _CPU)]
        maps = [
            scoring.model.backbone(normalise_pixels(torch.from_numpy(p).to(scoring.device)))
            for p in pixels
        ]
        self._maps = [torch.cat(scale) for scale in zip(*maps, strict=True)]
        self.intact = self.estimate()

    def estimate(self, kept: np.ndarray | None = None) -> ClipEstimate:
        """Score the clip, or only the frames at the positions ``kept`` among ``rows``."""
        rows, maps = self.rows, self._maps
        if kept is not None:
            rows, maps = rows[kept], [scale[torch.from_numpy(kept)] for scale in maps]
        return estimate_clip(
            model=self._scoring.model,
            semantics=self._scoring.semantics,
            clip=replace(self._clip, usable=rows),
            frames=len(rows),
            training_frames=self._scoring.training_frames,
            device=self._scoring.device,
            maps=maps,
        )


_CPU = torch.device("cpu")


class MeanOutput:
    """The mean of a tensor over all frames seen, the first axis."""

    def __init__(self) -> None:
        self._sum: Any = 0.0
        self._n = 0

    def add(self, value: Tensor) -> None:
        """Add the values of some frames."""
        self._sum = self._sum + value.detach().double().sum(0)
        self._n += len(value)

    @property
    def is_known(self) -> bool:
        """Whether any frame was seen."""
        return self._n > 0

    def like(self, value: Tensor) -> Tensor:
        """The mean, once for each frame of ``value``."""
        return (self._sum / self._n).to(value).expand_as(value)


@dataclass
class Seen:
    """What the parts of a network did in the scored frames."""

    outputs: dict[str, MeanOutput] = field(default_factory=dict)  # module -> its output
    embeddings: tuple[MeanOutput, MeanOutput] = field(
        default_factory=lambda: (MeanOutput(), MeanOutput())
    )  # text, image
    attention: dict[str, list[Tensor]] = field(default_factory=dict)  # module -> (n, channels)
    kept_tokens: list[Tensor] = field(default_factory=list)
    prototypes: Tensor | None = None  # (levels, k, token)
    weights: list[np.ndarray] = field(default_factory=list)  # of the frames of each clip

    @property
    def tokens(self) -> Tensor:
        """Tokens (n, channels, token) of some frames of each clip, as Eq. (12) compares them."""
        return torch.cat(self.kept_tokens)


@contextmanager
def recorded(model: DepMap, constants: Sequence[str]) -> Iterator[Seen]:
    """Record what the parts do while clips are scored."""
    seen = Seen()
    with ExitStack() as stack:
        parts = {name: model.get_submodule(name) for name in constants}
        for name, part in {**attentions_of(model), **modules_of(model, BehaviourEncoder)}.items():
            parts.setdefault(name, part)
        for name, part in parts.items():
            seen.outputs[name] = MeanOutput()
            stack.enter_context(hooked(part, _add_output(seen.outputs[name])))
        for name, part in attentions_of(model).items():
            stack.enter_context(hooked(part, _keep_output(seen.attention.setdefault(name, []))))
        for name, part in modules_of(model, SemanticGuidance).items():
            gains = seen.attention.setdefault(name, [])
            stack.enter_context(hooked(part, _keep_guidance(seen, gains)))
        stack.enter_context(
            function_replaced(prototype_activations, _keeping_tokens(seen, prototype_activations))
        )
        yield seen


def _add_output(mean: MeanOutput) -> Callable:
    return lambda part, inputs, output: mean.add(output)


def _keep_output(kept: list[Tensor]) -> Callable:
    return lambda part, inputs, output: kept.append(output.float().cpu())


def _keep_guidance(seen: Seen, gains: list[Tensor]) -> Callable:
    """Keep the embeddings, and the gain of each channel: the least-squares factor of its map."""

    def keep(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        feature, *embeddings = inputs
        for mean, value in zip(seen.embeddings, embeddings, strict=True):
            mean.add(value)
        product, square = ((x * feature).sum((2, 3)) for x in (output, feature))
        gains.append((product / square.clamp(min=1e-12)).float().cpu())

    return keep


def _keeping_tokens(seen: Seen, original: Callable) -> Callable:
    def activations(tokens: Tensor, prototypes: Tensor) -> Tensor:
        rows = np.linspace(0, len(tokens) - 1, min(TOKEN_FRAMES, len(tokens))).astype(int)
        seen.kept_tokens.append(tokens[torch.from_numpy(rows)].float().cpu())
        seen.prototypes = prototypes.float().cpu()
        return original(tokens, prototypes)

    return activations


@dataclass(frozen=True, kw_only=True)
class Control:
    """A change of a part; ``estimate`` scores a clip under it, for a number of draws."""

    part: str
    name: str
    estimate: Callable[[ScoredClip, int], ClipEstimate]  # the clip, the number of the draw
    draws: int = 1


Change = Callable[[int, int], Any]
"""Number of the draw and of the clip -> a context in which the part is changed."""


def _control(part: str, name: str, change: Change, draws: int = 1) -> Control:
    def estimate(scored: ScoredClip, draw: int) -> ClipEstimate:
        with change(draw, scored.number):
            return scored.estimate()

    return Control(part=part, name=name, estimate=estimate, draws=draws)


def controls_of(model: DepMap, seen: Seen, constants: Sequence[str]) -> list[Control]:
    """The controls of all parts that the network has and that scoring uses.

    Raises:
        ValueError: scoring does not use one of the modules ``constants``.
    """
    for name in constants:
        if not seen.outputs[name].is_known:
            raise ValueError(f"scoring does not use the module {name}")
    return [
        *_mixture_controls(model),
        *_prototype_controls(model, seen),
        *_map_controls(model),
        *_attention_controls(model, seen),
        *_kdm_controls(model, seen),
        *(_constant(model, seen, "module", name) for name in constants),
    ]


def _mixture_controls(model: DepMap) -> list[Control]:
    """The network and the regression on signals, each without the other."""
    if model.signal_head is None or not model.signal_head.fitted:
        return []

    def network(scores: Tensor, weights: Tensor, signals: Tensor, durations: Tensor) -> Tensor:
        return scores

    def regression(scores: Tensor, weights: Tensor, signals: Tensor, durations: Tensor) -> Tensor:
        return shifted_to_mean_over_time(weights, signals, durations)

    return [
        _control("signals", "off", lambda *_: function_replaced(mix_scores, network)),
        _control("network", "off", lambda *_: function_replaced(mix_scores, regression)),
    ]


def _prototype_controls(model: DepMap, seen: Seen) -> list[Control]:
    if seen.prototypes is None:
        return []
    learned, tokens = seen.prototypes, seen.tokens
    random = [
        F.normalize(torch.randn(learned.shape, generator=generator_for(7, draw)), dim=-1)
        for draw in range(DRAWS)
    ]
    by_channel = [nearest_channel_means(tokens, learned)]
    found = [
        _control(
            "prototypes", "random", _prototypes_replaced(model, tokens, random), draws=len(random)
        ),
        _control("prototypes", "channel means", _prototypes_replaced(model, tokens, by_channel)),
    ]
    if model.level_logits is not None:
        uniform = copy.deepcopy(model.level_logits)
        weight = uniform.weight.data
        weight.copy_(weight.mean(-1, keepdim=True).expand_as(weight))
        uniform.update(prototype_activations(tokens, learned).to(weight.device), reset=True)
        found.append(
            _control("w", "level means", lambda *_: module_replaced(model, "level_logits", uniform))
        )
    return found


def nearest_channel_means(tokens: Tensor, prototypes: Tensor) -> Tensor:
    """The unit mean token of the channel that resembles each prototype most."""
    means = F.normalize(F.normalize(tokens, dim=-1).mean(0), dim=-1)
    return means[(prototypes @ means.T).argmax(-1)]


def _prototypes_replaced(model: DepMap, tokens: Tensor, banks: Sequence[Tensor]) -> Change:
    """Other prototypes in each draw, with level logits standardised for them."""
    logits = []
    for bank in banks:
        refitted = copy.deepcopy(model.level_logits)
        if refitted is not None:
            activations = prototype_activations(tokens, bank)
            refitted.update(activations.to(refitted.weight.device), reset=True)
        logits.append(refitted)
    original = prototype_activations

    @contextmanager
    def change(draw: int, clip: int) -> Iterator[None]:
        def replaced(tokens: Tensor, prototypes: Tensor) -> Tensor:
            return original(tokens, banks[draw].to(prototypes))

        with ExitStack() as stack:
            stack.enter_context(function_replaced(original, replaced))
            if logits[draw] is not None:
                stack.enter_context(module_replaced(model, "level_logits", logits[draw]))
            yield

    return change


def _map_controls(model: DepMap) -> list[Control]:
    if not model.config.map:
        return []

    def weighted(change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Change:
        def context(draw: int, clip: int) -> Any:
            generator = np.random.default_rng([draw, clip])

            def replaced(*arguments: Any, **named: Any) -> np.ndarray:
                return change(frame_weights(*arguments, **named), generator)

            return function_replaced(frame_weights, replaced)

        return context

    def equal(weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return np.full_like(weights, 1 / len(weights))

    def shuffled(weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return generator.permutation(weights)

    return [
        _control("MAP", "mean of all frames", weighted(equal)),
        _control("MAP", "random frames", weighted(shuffled), draws=DRAWS),
    ]


def _attention_controls(model: DepMap, seen: Seen) -> list[Control]:
    found = []
    attentions = [name for name in attentions_of(model) if seen.outputs[name].is_known]
    if attentions:

        @contextmanager
        def constant(draw: int, clip: int) -> Iterator[None]:
            with ExitStack() as stack:
                for name in attentions:
                    hook = _mean_output(seen.outputs[name])
                    stack.enter_context(hooked(model.get_submodule(name), hook))
                yield

        found.append(_control("attention", "MSR: constant", constant))
    for guidance in modules_of(model, SemanticGuidance).values():

        def same_query(part: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            feature, *embeddings = inputs
            pairs = zip(seen.embeddings, embeddings, strict=True)
            return (feature, *(mean.like(value) for mean, value in pairs))

        def off(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return inputs[0]

        found += [
            _control("attention", "ESA: constant", _hook(guidance, same_query, before=True)),
            _control("ESA", "off", _hook(guidance, off)),
        ]
    return found


def _hook(part: nn.Module, hook: Callable, before: bool = False) -> Change:
    return lambda draw, clip: hooked(part, hook, before)


def _mean_output(mean: MeanOutput) -> Callable:
    return lambda part, inputs, output: mean.like(output)


def shallow_encoders(model: DepMap, seen: Seen) -> list[str]:
    """Encoders of tokens that scoring used, but for the deepest scale: KDM at scoring."""
    encoders = sorted(modules_of(model, BehaviourEncoder))
    return [n for n in encoders if n != "behaviour.4" and seen.outputs[n].is_known]


def _kdm_controls(model: DepMap, seen: Seen) -> list[Control]:
    return [_constant(model, seen, "KDM", name) for name in shallow_encoders(model, seen)]


def _constant(model: DepMap, seen: Seen, part: str, name: str) -> Control:
    hook = _mean_output(seen.outputs[name])
    return _control(part, f"{name}: constant", _hook(model.get_submodule(name), hook))


def deletions() -> list[tuple[float, Control, Control]]:
    """For each share: the control without random frames, and that without key frames."""
    found = []
    for share in DELETED:
        without_random = Control(
            part="key frames",
            name=f"without {share:.0%} random frames",
            estimate=lambda scored, draw, share=share: scored.estimate(
                _kept(scored, share, np.random.default_rng([draw, scored.number]))
            ),
            draws=DRAWS,
        )
        without_key = Control(
            part="key frames",
            name=f"without {share:.0%} key frames",
            estimate=lambda scored, draw, share=share: scored.estimate(_kept(scored, share, None)),
        )
        found.append((share, without_random, without_key))
    return found


def _kept(scored: ScoredClip, share: float, generator: np.random.Generator | None) -> np.ndarray:
    """Positions of the frames that stay; without a generator, those of the smallest weights."""
    weights = scored.intact.video.weights[0].numpy()
    order = (
        np.argsort(-weights, kind="stable")
        if generator is None
        else generator.permutation(len(weights))
    )
    n_removed = min(max(1, round(share * len(weights))), len(weights) - 1)
    return np.sort(order[n_removed:])


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Estimates of all clips, as trained and under each control, (draws, clips) points."""

    clips: list[VideoClip]
    intact: list[ClipEstimate]
    seen: Seen
    values: dict[str, np.ndarray]
    controls: list[Control]


def key_of(control: Control) -> str:
    """Name of a control among ``Estimates.values``."""
    return f"{control.part}: {control.name}"


def estimate_all(
    scoring: Scoring,
    clips: Sequence[VideoClip],
    constants: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Estimates:
    """Score all clips as trained, and then under each control."""
    with recorded(scoring.model, constants) as seen:
        for number, clip in enumerate(clips):
            scored = ScoredClip(scoring, clip, number)
            seen.weights.append(scored.intact.video.weights[0].numpy())
            on_progress(number + 1, 2 * len(clips))
    controls = controls_of(scoring.model, seen, constants)
    removals = [control for _, *pair in deletions() for control in pair]
    values: dict[str, list[list[float]]] = {key_of(c): [] for c in (*controls, *removals)}
    intact = []
    for number, clip in enumerate(clips):
        scored = ScoredClip(scoring, clip, number)
        intact.append(scored.intact)
        for control in (*controls, *removals):
            scores = [control.estimate(scored, draw).score for draw in range(control.draws)]
            values[key_of(control)].append(scores)
        on_progress(len(clips) + number + 1, 2 * len(clips))
    return Estimates(
        clips=list(clips),
        intact=intact,
        seen=seen,
        values={
            AS_TRAINED: np.array([[e.score for e in intact]]),
            **{name: np.array(scores).T for name, scores in values.items()},
        },
        controls=controls,
    )
