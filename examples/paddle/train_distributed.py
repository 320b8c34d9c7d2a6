# SPDX-License-Identifier: Apache-2.0
"""Trains one network in several processes, which may be on several machines.

Each process computes on its share of every batch, and all take the same step with the mean of
their gradients. So the losses are those of one process alone, to rounding, however many there
are. Which process this is, and how many there are, is said by RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT; without them it is alone.
"""

import argparse
import random
import time

import paddle


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=960)
    parser.add_argument("--batch", type=int, default=96, help="of all processes together")
    parser.add_argument("--width", type=int, default=64, help="of the hidden layers")
    options = parser.parse_args()

    ring = paddle.Ring.from_environment()
    if options.batch % ring.size:
        parser.error(f"a batch of {options.batch} cannot be shared by {ring.size} processes")
    # Everybody makes the same data, the same model and the same order of the samples.
    data = paddle.Dataset.synthetic("shapes", samples=options.samples)
    images, labels = data.features.tolist(), data.labels
    layers = f"dense {options.width}; relu; dense {options.width}; relu; dense {data.classes}"
    model = paddle.Model(layers, shape=data.shape)
    optimizer = paddle.SGD(learning_rate=0.1)
    order = random.Random(1)
    share = options.batch // ring.size
    begun = time.monotonic()

    for epoch in range(1, options.epochs + 1):
        samples = list(range(options.samples))
        order.shuffle(samples)
        losses = []
        for first in range(0, options.samples - options.batch + 1, options.batch):
            mine = samples[first + ring.rank * share : first + (ring.rank + 1) * share]
            batch = paddle.Tensor([images[i] for i in mine])
            wanted = [labels[i] for i in mine]
            losses.append(model.train_batch(optimizer, batch, wanted, ring))
        if ring.rank == 0:
            print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f}", flush=True)

    # That all have the same model now is checked and not believed.
    accuracy = model.evaluate(data).accuracy
    total = ring.sum([accuracy])[0]
    if abs(total - ring.size * accuracy) > 1e-6 * ring.size:
        raise SystemExit(f"rank {ring.rank}: the processes have different models")
    if ring.rank == 0:
        seconds = time.monotonic() - begun
        print(f"accuracy {accuracy:.3f}, {ring.size} processes, {seconds:.2f} s")


if __name__ == "__main__":
    main()
