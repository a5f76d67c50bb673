"""The bars: published results, and what was measured for a reference implementation, as limits."""

from __future__ import annotations

from aae_studio.core.reproduction import checks, measures
from aae_studio.core.reproduction.bar import Bar, Limit

MAKHZANI = "Makhzani et al., arXiv 1511.05644"

# What holds all along in open-ended training, from the second epoch on.
STEADY = (
    Limit("worst_std_least", "≥", 0.9),
    Limit("worst_std_greatest", "≤", 1.1),
    Limit("worst_mean", "≤", 0.1),
    Limit("worst_mmd", "≤", 0.0025),
    Limit("worst_sw1", "≤", 0.08),
    Limit("mse_over_ae", "≤", 1.05),
)
PARTS = (
    Limit("own_component", "≥", 0.80),
    Limit("asked_class", "≥", 0.85),
    Limit("own_component_10k", "≥", 0.60),
    Limit("asked_class_10k", "≥", 0.65),
)

ALL: tuple[Bar, ...] = (
    Bar(
        "equivalence",
        "losses and gradients of AE, VAE and AAE against written-out float64 arithmetic",
        "the definitions",
        checks.equivalence,
        (Limit("greatest_difference", "≤", 1e-5),),
    ),
    Bar(
        "phases",
        "each phase moves the networks that it names and no others",
        "the definitions",
        checks.phases,
        (Limit("strays", "≤", 0.0), Limit("idle", "≤", 0.0), Limit("encoder_gradient", "≤", 0.0)),
    ),
    Bar(
        "digits",
        "the AAE with the defaults on the digits, 100 epochs",
        "reference",
        measures.digits,
        (
            Limit("seconds", "≤", 15.0),
            Limit("recon_mse", "≤", 0.040),
            Limit("mmd_to_prior", "≤", 0.003),
            Limit("sw1_to_prior", "≤", 0.08),
        ),
    ),
    Bar(
        "ae",
        "AE, protocol P",
        "reference",
        measures.autoencoder,
        (Limit("recon_mse", "≤", 0.041), Limit("knn_accuracy", "≥", 0.70)),
    ),
    Bar(
        "vae",
        "VAE with a Bernoulli decoder, protocol P",
        "reference",
        measures.variational,
        (
            Limit("bce_plus_kl", "≤", 151.0),
            Limit("recon_mse", "≤", 0.042),
            Limit("mmd_to_prior", "≤", 0.010),
        ),
    ),
    Bar(
        "aae",
        "AAE, prior σ 5, protocol P",
        "reference",
        measures.adversarial,
        (
            Limit("recon_mse", "≤", 0.041),
            Limit("mse_over_ae", "≤", 1.06),
            Limit("mmd_to_prior", "≤", 0.002),
            Limit("sw1_to_prior", "≤", 0.07),
            Limit("ae_mmd_over_aae", "≥", 20.0),
            Limit("hole_fraction", "≤", 0.04),
            Limit("class_entropy", "≥", 0.97),
            Limit("smallest_class", "≥", 0.04),
        ),
    ),
    Bar(
        "aae-long-15",
        "AAE, prior σ 5, all along 15 epochs",
        "reference",
        measures.long_run(15),
        STEADY,
        long=True,
    ),
    Bar(
        "aae-long-60",
        "AAE, prior σ 5, all along 60 epochs",
        "reference",
        measures.long_run(60),
        (*STEADY, Limit("mse_at_25", "≤", 0.036)),
        long=True,
    ),
    Bar(
        "aae-mixture",
        "AAE told labels, 10 Gaussians",
        f"{MAKHZANI}, section 2.3",
        measures.informed("mixture", 10),
        PARTS,
        long=True,
    ),
    Bar(
        "aae-swiss-roll",
        "AAE told labels, Swiss roll",
        f"{MAKHZANI}, section 2.3",
        measures.informed("swiss_roll", 10),
        PARTS,
        long=True,
    ),
    Bar(
        "gan",
        "GAN with a latent space of 2 and of 10 axes",
        "reference",
        measures.adversarial_network,
        tuple(
            limit
            for size in (2, 10)
            for limit in (
                Limit(f"class_entropy_{size}", "≥", 0.90),
                Limit(f"smallest_class_{size}", "≥", 0.02),
                Limit(f"d_real_{size}", "≥", 0.3),
                Limit(f"d_real_{size}", "≤", 0.7),
                Limit(f"d_fake_{size}", "≥", 0.3),
                Limit(f"d_fake_{size}", "≤", 0.7),
            )
        ),
        long=True,
    ),
    Bar(
        "parzen",
        "AAE, 8 axes, prior σ 5, 2×1000: Parzen windows on 10 000 samples",
        f"{MAKHZANI}, table 1",
        measures.parzen,
        (Limit("parzen", "≥", 340.0, "340 ± 2 (GAN 225 ± 2)"),),
        long=True,
    ),
    *(
        Bar(
            f"semi-supervised-{labels}",
            f"semi-supervised AAE's error, {labels} labels, with consistency, inputs moved by affine maps",
            f"{MAKHZANI}, table 2",
            measures.semi_supervised(labels),
            (Limit("error", "≤", bound, published),),
            long=True,
        )
        for labels, bound, published in ((100, 0.0190, "0.0190 ± 0.0010"), (1000, 0.0160, "0.0160 ± 0.0008"))
    ),
    *(
        Bar(
            f"clustering-{clusters}",
            f"error of {clusters} clusters, without labels, with consistency, inputs moved by affine maps",
            f"{MAKHZANI}, table 3",
            measures.clustering(clusters),
            (Limit("error", "≤", bound, published),),
            long=True,
        )
        for clusters, bound, published in ((16, 0.0955, "0.0955 ± 0.0205"), (30, 0.0410, "0.0410 ± 0.0113"))
    ),
    Bar(
        "dimensionality-reduction",
        "error of two-dimensional codes with 100 labels, inputs moved by affine maps",
        f"{MAKHZANI}, section 7",
        measures.reduction,
        (Limit("error", "≤", 0.061, "0.0608"),),
        long=True,
    ),
)
BARS = {bar.name: bar for bar in ALL}
