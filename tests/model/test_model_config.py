"""Settings of the network: inconsistent settings are refused, scales are sorted."""

import pytest
from pydantic import ValidationError

from depmap_cli.config import Config, ModelConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sdpm": False}, "needs sdpm"),
        ({"sdpm": False, "map": False}, "kdm needs sdpm"),
        ({"sdpm": False, "kdm": False}, "map needs sdpm"),
        ({"emotional": False}, "esa needs the emotional branch"),
        ({"scales": ()}, "one or more"),
        ({"scales": (0, 1)}, "1 to 4"),
        ({"scales": (5,)}, "1 to 4"),
        ({"scales": (2, 2)}, "different"),
        ({"n_levels": 3}, "4"),
        ({"backbone": "resnet101"}, "resnet18"),
        ({"momentum": 1.0}, "less than 1"),
        ({"entropy": 0.001}, "greater than or equal to 0.01"),
        ({"n_prototype": 8}, "Extra inputs"),
    ],
)
def test_invalid_settings_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig(**settings)


def test_prototypes_without_kdm_and_map_need_another_use():
    without = {"kdm": False, "map": False}
    with pytest.raises(ValidationError, match="nothing else uses the prototypes"):
        ModelConfig(**without)
    assert ModelConfig(**without, tokens="readings").sdpm


def test_scales_are_put_in_order():
    assert ModelConfig(scales=(4, 2, 3)).scales == (2, 3, 4)


def test_the_papers_constants():
    model, train = ModelConfig(), Config().train
    assert (model.n_levels, model.n_prototypes) == (4, 8)
    assert (model.sampling_factor, model.entropy) == (5, 0.05)
    assert train.contrastive_weight == 0.1


def test_settings_survive_json():
    config = Config(model=ModelConfig(scales=(3, 4), kdm=False))
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_settings_are_frozen():
    with pytest.raises(ValidationError):
        ModelConfig().n_prototypes = 9
