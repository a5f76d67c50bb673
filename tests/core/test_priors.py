"""Densities against quadrature, samples and formulas of our own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from aae_studio.core.errors import ConfigError, StudioError
from aae_studio.core.priors.base import Prior
from aae_studio.core.registry import PRIORS

Array = npt.NDArray[np.float64]

NAMES = ("gaussian", "mixture", "swiss_roll", "ring", "uniform")
FIGURES = ("mixture", "swiss_roll", "ring")
# Three times the uniform square's half side: its edges then fall between cells.
HALF_GRID, CELLS = 3 * np.sqrt(3.0), 216


def make(name: str, latent_size: int = 2, sigma: float = 1.0) -> Prior:
    prior: Prior = PRIORS.get(name)(latent_size, sigma)
    return prior


def draw(prior: Prior, count: int, seed: int = 0) -> Array:
    return prior.sample(count, torch.Generator().manual_seed(seed)).double().numpy()


def log_prob(prior: Prior, codes: Array) -> Array:
    parts = np.array_split(codes, len(codes) // 8192 + 1)
    return np.concatenate([prior.log_prob(torch.from_numpy(part)).numpy() for part in parts])


def masses(prior: Prior) -> Array:
    """Probability of each cell of a grid over the plane, by the midpoint rule, shape (CELLS, CELLS)."""
    side = 2 * HALF_GRID * prior.sigma / CELLS
    middles = -HALF_GRID * prior.sigma + side * (np.arange(CELLS) + 0.5)
    x, y = np.meshgrid(middles, middles, indexing="ij")
    density = np.exp(log_prob(prior, np.stack([x.ravel(), y.ravel()], axis=1)))
    return density.reshape(CELLS, CELLS) * side**2


@pytest.mark.parametrize("sigma", [1.0, 2.5])
@pytest.mark.parametrize("name", NAMES)
def test_density_integrates_to_one(name: str, sigma: float) -> None:
    assert masses(make(name, sigma=sigma)).sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ["gaussian", "uniform"])
def test_density_on_a_line_integrates_to_one(name: str) -> None:
    prior = make(name, 1, sigma=0.3)
    side = 2 * HALF_GRID * 0.3 / CELLS
    middles = -HALF_GRID * 0.3 + side * (np.arange(CELLS) + 0.5)
    assert np.exp(log_prob(prior, middles[:, None])).sum() * side == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_density_matches_a_histogram_of_samples(name: str) -> None:
    """Pearson's chi-squared over cells that expect at least 20 samples."""
    prior, count, coarse = make(name, sigma=0.7), 200_000, 36
    fine = masses(prior)
    block = CELLS // coarse
    expected = count * fine.reshape(coarse, block, coarse, block).sum(axis=(1, 3))
    edges = np.linspace(-HALF_GRID * 0.7, HALF_GRID * 0.7, coarse + 1)
    codes = draw(prior, count)
    seen, _, _ = np.histogram2d(codes[:, 0], codes[:, 1], bins=(edges, edges))
    enough = expected > 20
    cells = int(enough.sum())
    assert cells > 40
    statistic = float(((seen - expected)[enough] ** 2 / expected[enough]).sum())
    assert abs(statistic - cells) < 6 * np.sqrt(2 * cells)
    # And the rest of the plane holds what it should.
    rest = expected[~enough].sum()
    assert abs(seen[~enough].sum() - rest) < 6 * np.sqrt(rest + 1)


@pytest.mark.parametrize("latent_size", [2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_samples_have_mean_0_and_deviation_sigma(name: str, latent_size: int) -> None:
    codes = draw(make(name, latent_size, sigma=3.0), 200_000) / 3.0
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=5 / np.sqrt(len(codes)))
    variance = codes.var(axis=0)
    # The Swiss roll is a little wider than high; its two axes together have the variance of two.
    plane = variance[:2].mean() if name == "swiss_roll" else variance[:2]
    np.testing.assert_allclose(plane, 1, atol=0.015)
    np.testing.assert_allclose(variance[:2], 1, atol=0.35)
    np.testing.assert_allclose(variance[2:], 1, atol=0.025)
    covariance = np.corrcoef(codes.T) - np.eye(latent_size)
    covariance[:2, :2] = 0 if name == "swiss_roll" else covariance[:2, :2]
    np.testing.assert_allclose(covariance, 0, atol=0.015)


# Formulas written out


def somewhere(sigma: float, latent_size: int = 2) -> Array:
    """Codes where the priors have mass, and some where they have little."""
    return 1.3 * sigma * np.random.default_rng(1).standard_normal((300, latent_size))


@pytest.mark.parametrize("sigma", [1.0, 0.4])
def test_gaussian_formula(sigma: float) -> None:
    codes = somewhere(sigma, 3)
    covariance = sigma**2 * torch.eye(3, dtype=torch.float64)
    wanted = MultivariateNormal(torch.zeros(3, dtype=torch.float64), covariance).log_prob(
        torch.from_numpy(codes)
    )
    np.testing.assert_allclose(log_prob(make("gaussian", 3, sigma), codes), wanted, rtol=1e-10)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_mixture_formula(sigma: float) -> None:
    """Ten ellipses with half-axes 0.36 σ outwards and 0.12 σ across, on a circle."""
    codes = somewhere(sigma)
    angles = 2 * np.pi * np.arange(10) / 10
    turns = np.array([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])
    covariances = sigma**2 * turns @ np.diag([0.36**2, 0.12**2]) @ turns.transpose(0, 2, 1)
    radius = sigma * np.sqrt(2 - 0.36**2 - 0.12**2)
    mixture = MixtureSameFamily(
        Categorical(torch.ones(10, dtype=torch.float64)),
        MultivariateNormal(torch.from_numpy(radius * turns[:, :, 0]), torch.from_numpy(covariances)),
    )
    wanted = mixture.log_prob(torch.from_numpy(codes))
    np.testing.assert_allclose(log_prob(make("mixture", sigma=sigma), codes), wanted, atol=1e-3)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_ring_formula(sigma: float) -> None:
    """The mean over the circle of a Gaussian of 0.15 σ, without Bessel's function."""
    codes, blur = somewhere(sigma), 0.15 * sigma
    radius = sigma * np.sqrt(2 * (1 - 0.15**2))
    angles = 2 * np.pi * np.arange(4000) / 4000
    circle = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    squared = ((codes[:, None] - circle) ** 2).sum(axis=2)
    smallest = squared.min(axis=1)
    mean = np.exp(-(squared - smallest[:, None]) / (2 * blur**2)).mean(axis=1)
    wanted = np.log(mean) - smallest / (2 * blur**2) - np.log(2 * np.pi * blur**2)
    np.testing.assert_allclose(log_prob(make("ring", sigma=sigma), codes), wanted, atol=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_swiss_roll_formula(sigma: float) -> None:
    """A spiral with radius from 1/4 to 1 in 1.5 turns, even in area, then centred and scaled."""
    prior, blur = make("swiss_roll", sigma=sigma), 0.06 * sigma
    share = (np.arange(20_000) + 0.5) / 20_000
    radius = np.sqrt(0.25**2 + (1 - 0.25**2) * share)
    angle = 3 * np.pi * (radius - 0.25) / 0.75
    line = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    line -= line.mean(axis=0)
    line *= sigma * np.sqrt((1 - 0.06**2) / (line**2).sum(axis=1).mean() * 2)

    def difference(codes: Array) -> tuple[Array, Array]:
        squared = ((codes[:, None] - line) ** 2).sum(axis=2)
        nearest = squared.min(axis=1)
        mean = np.exp(-(squared - nearest[:, None]) / (2 * blur**2)).mean(axis=1)
        wanted = np.log(mean) - nearest / (2 * blur**2) - np.log(2 * np.pi * blur**2)
        return np.abs(log_prob(prior, codes) - wanted), wanted

    on_the_roll, _ = difference(draw(prior, 300))
    assert np.median(on_the_roll) < 1e-4
    assert on_the_roll.mean() < 0.005
    # Beyond the ends, where there is next to no mass, the plug-in's 256 nodes show.
    anywhere, wanted = difference(somewhere(sigma))
    assert (anywhere < 0.01 + 0.05 * np.abs(wanted)).all()


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_uniform_formula(sigma: float) -> None:
    prior, edge = make("uniform", 3, sigma), np.sqrt(3) * sigma
    inside = np.random.default_rng(0).uniform(-edge, edge, (50, 3))
    np.testing.assert_allclose(log_prob(prior, inside), -3 * np.log(2 * edge), rtol=1e-6)
    outside = inside.copy()
    outside[:, 1] = 1.001 * edge
    assert (log_prob(prior, outside) == -np.inf).all()
    samples = draw(prior, 50_000)
    assert np.abs(samples).max() <= edge * (1 + 1e-6)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_beyond_the_plane_are_gaussian(name: str) -> None:
    sigma, codes = 1.4, somewhere(1.4, 5)
    rest = -0.5 * (codes[:, 2:] / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))
    wanted = log_prob(make(name, 2, sigma), codes[:, :2]) + rest.sum(axis=1)
    np.testing.assert_allclose(log_prob(make(name, 5, sigma), codes), wanted, rtol=1e-9)
    # The kurtosis tells a Gaussian from the plane figures.
    samples = draw(make(name, 5, sigma), 100_000)[:, 2:] / sigma
    np.testing.assert_allclose((samples**4).mean(axis=0), 3, atol=0.15)


@pytest.mark.parametrize("name", FIGURES)
def test_one_axis_is_too_few_for_a_figure(name: str) -> None:
    with pytest.raises(ConfigError, match="is a figure in a plane and needs at least 2 code axes") as fault:
        make(name, 1)
    assert fault.value.field == "latent_size"
    assert PRIORS.get(name).title in str(fault.value)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "uniform"])
def test_gradient_is_finite_and_points_the_right_way(name: str) -> None:
    prior = make(name, 3, sigma=0.8)
    codes = torch.cat([torch.zeros(1, 3), torch.randn(200, 3), torch.tensor([[40.0, -25.0, 3.0]])])
    codes = codes.double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(prior.log_prob(codes).sum(), codes)
    assert torch.isfinite(gradient).all()
    nudge = 1e-6
    for axis in range(3):
        step = torch.zeros(3, dtype=torch.float64)
        step[axis] = nudge
        with torch.no_grad():
            slope = (prior.log_prob(codes + step) - prior.log_prob(codes - step)) / (2 * nudge)
        torch.testing.assert_close(gradient[1:, axis], slope[1:], rtol=1e-4, atol=1e-4)
    # Far out, in the float32 that training uses too.
    far = torch.tensor([[300.0, -500.0, 90.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(prior.log_prob(far).sum(), far)
    assert torch.isfinite(gradient).all()
    assert (gradient * far).sum() < 0


# Outlines


def inside(line: Array, points: Array) -> npt.NDArray[np.bool_]:
    """Whether points lie within a closed line: rays to the right cross it an odd number of times."""
    x, y = points[:, :1], points[:, 1:]
    (x1, y1), (x2, y2) = line[:-1].T, line[1:].T
    rising = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return (rising & (x < crossing)).sum(axis=1) % 2 == 1


# Shares of samples within two standard deviations of the figure's blur.
ENCLOSED = {
    "gaussian": (1 - np.exp(-0.5), 1 - np.exp(-2), 1 - np.exp(-4.5)),
    "mixture": (1 - np.exp(-2.0),),
    "swiss_roll": (0.9545,),
    "ring": (0.9545,),
    "uniform": (1.0,),
}


@pytest.mark.parametrize("name", NAMES)
def test_outline_encloses_samples(name: str) -> None:
    prior = make(name, sigma=1.6)
    codes = draw(prior, 8000)
    lines = prior.outline()
    for line in lines:
        np.testing.assert_allclose(line[0], line[-1], atol=1e-9)
    each = [inside(line, codes) for line in lines]
    if name == "gaussian":
        shares = [float(one.mean()) for one in each]
    elif name == "ring":
        shares = [float((each[1] & ~each[0]).mean())]
    else:
        shares = [float(np.any(each, axis=0).mean())]
    np.testing.assert_allclose(sorted(shares), ENCLOSED[name], atol=0.015)


def test_prior_without_a_density() -> None:
    class Points(Prior):
        title = "Points"
        has_log_prob = False

        def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
            return torch.zeros(count, self.latent_size)

        def outline(self) -> list[Array]:
            return []

    with pytest.raises(StudioError, match="The prior “Points” has no density"):
        Points(2).log_prob(torch.zeros(1, 2))
