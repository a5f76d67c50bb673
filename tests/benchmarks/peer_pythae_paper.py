"""pythae's own trainers on the networks of the AAE's paper, 784-1000-1000-2.

Prints images per second of each model, one epoch timed after one to warm up.
Usage: peer_pythae_paper.py IMAGES BATCH THREADS
"""

import logging
import sys
import tempfile
import time

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import AE, VAE, Adversarial_AE, Adversarial_AE_Config, AEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
from pythae.trainers import (
    AdversarialTrainer,
    AdversarialTrainerConfig,
    BaseTrainer,
    BaseTrainerConfig,
)
from torch import nn

WIDTH, LATENT, SHAPE = 1000, 2, (1, 28, 28)
images, batch, threads = (int(word) for word in sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(0)
logging.disable(logging.CRITICAL)


def hidden(size):
    return nn.Sequential(nn.Linear(size, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())


class Encoder(BaseEncoder):
    def __init__(self, variance):
        super().__init__()
        self.trunk, self.mean = nn.Sequential(nn.Flatten(), hidden(784)), nn.Linear(WIDTH, LATENT)
        self.variance = nn.Linear(WIDTH, LATENT) if variance else None

    def forward(self, x):
        features = self.trunk(x)
        found = ModelOutput(embedding=self.mean(features))
        if self.variance is not None:
            found["log_covariance"] = self.variance(features)
        return found


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(hidden(LATENT), nn.Linear(WIDTH, 784), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z).reshape(-1, *SHAPE))


class Discriminator(BaseDiscriminator):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(hidden(LATENT), nn.Linear(WIDTH, 1), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(embedding=self.layers(z))


given = {"input_dim": SHAPE, "latent_dim": LATENT}
models = {
    "ae": AE(AEConfig(**given), Encoder(False), Decoder()),
    "vae": VAE(VAEConfig(**given), Encoder(True), Decoder()),
    "aae": Adversarial_AE(Adversarial_AE_Config(**given), Encoder(True), Decoder(), Discriminator()),
}
data = BaseDataset(torch.rand(images, *SHAPE), torch.zeros(images))
for name, model in models.items():
    adversarial = name == "aae"
    config = (AdversarialTrainerConfig if adversarial else BaseTrainerConfig)(
        output_dir=tempfile.mkdtemp(), num_epochs=1, per_device_train_batch_size=batch, no_cuda=True
    )
    trainer = (AdversarialTrainer if adversarial else BaseTrainer)(
        model=model, train_dataset=data, training_config=config
    )
    trainer.prepare_training()
    trainer.train_step(1)
    start = time.perf_counter()
    trainer.train_step(2)
    print(f"pythae {name} {images / (time.perf_counter() - start):.0f} samples/s", flush=True)
