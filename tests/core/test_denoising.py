"""What models make of corrupted images, in dB."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aae_studio.core.corruption import KINDS, Corruption
from aae_studio.core.denoising import denoised


@pytest.fixture(scope="module")
def snapshot(build):
    experiment = build(models=("ae", "vae", "gan", "supervised_aae"))
    run = experiment.run()
    for _ in range(3):
        next(run)
    return experiment.snapshot()


def psnr(images, wanted) -> float:
    """One pixel at a time."""
    pairs = zip(np.ravel(images).tolist(), np.ravel(wanted).tolist(), strict=True)
    errors = [(a - b) ** 2 for a, b in pairs]
    return 10 * math.log10(1 / (math.fsum(errors) / len(errors)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "affine"])
def test_decibels_of_all_kinds_agree_with_the_closed_form(snapshot, kind):
    found = denoised(snapshot, Corruption(kind, 0.3), seed=0, shown=3)
    assert (found.count, found.total) == (360, 360)
    # 23 040 pixels: the sampling error of the mean is about one in a hundred.
    assert found.before == pytest.approx(found.expected, abs=0.15)
    if kind == "gaussian":
        assert found.expected == pytest.approx(-20 * math.log10(0.3))


def test_a_map_without_a_closed_form_is_measured_alone(snapshot):
    found = denoised(snapshot, Corruption("affine", 0.3), seed=0, shown=3)
    assert found.expected is None
    assert 0 < found.before < 40


def test_figures_are_those_of_the_images(snapshot):
    size = 40
    found = denoised(snapshot, Corruption("mask", 0.4), seed=2, shown=99, size=size)
    test = snapshot.dataset.test.first(size)
    clean = snapshot.dataset.to_unit(test.images)
    assert list(found.after) == ["ae", "vae", "supervised_aae"]
    places = [int(np.flatnonzero(test.labels == label)[0]) for label in np.unique(test.labels)]
    np.testing.assert_array_equal(found.clean, clean[places])
    for name in found.after:
        frozen = snapshot.models[name]
        rebuilt = frozen.reconstruct(found.noisy, test.labels[places])
        np.testing.assert_allclose(found.rebuilt[name], rebuilt, atol=1e-6)
        assert found.without_noise[name] == pytest.approx(psnr(frozen.reconstruct(clean, test.labels), clean))
        assert found.after[name] < found.without_noise[name] + 1
    # With every image on show, the figures can be had from them.
    single = denoised(snapshot, Corruption("mask", 0.4), seed=2, shown=1, size=1)
    assert single.before == pytest.approx(psnr(single.noisy, single.clean))
    for name, images in single.rebuilt.items():
        assert single.after[name] == pytest.approx(psnr(images, single.clean))


def test_the_noise_stays_until_another_seed_is_asked_for(snapshot, build):
    other = build(models=("ae",), seed=9).snapshot()
    corruption = Corruption("gaussian", 0.2)
    first = denoised(snapshot, corruption, seed=0, shown=4)
    np.testing.assert_array_equal(first.noisy, denoised(other, corruption, seed=0, shown=4).noisy)
    assert not np.allclose(first.noisy, denoised(snapshot, corruption, seed=1, shown=4).noisy)


def test_without_noise_nothing_is_before_it(snapshot):
    found = denoised(snapshot, Corruption("gaussian", 0.0), seed=0, shown=1)
    assert found.before == found.expected == math.inf
    assert found.after == found.without_noise
