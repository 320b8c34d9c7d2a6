# SPDX-License-Identifier: Apache-2.0
"""Trains a small network on data made here, and prints how often it is right.

Points of two classes lie on two half circles that reach into each other, with noise. No
straight line parts them, so the network has to bend its boundary.
"""

import math
import random

import paddle


def make_moons(count, rng):
    points, labels = [], []
    for i in range(count):
        label = i % 2
        angle = rng.uniform(0.0, math.pi)
        x = math.cos(angle) if label == 0 else 1.0 - math.cos(angle)
        y = math.sin(angle) if label == 0 else 0.5 - math.sin(angle)
        points.append([x + rng.gauss(0.0, 0.1), y + rng.gauss(0.0, 0.1)])
        labels.append(label)
    return paddle.Dataset(points, labels)


def main():
    rng = random.Random(7)
    train = make_moons(800, rng)
    test = make_moons(400, rng)

    model = paddle.Model("standardize; dense 24; tanh; dense 2", shape=train.shape)
    model.fit(train, paddle.Adam(learning_rate=0.01), epochs=30)

    print(f"paddle {paddle.__version__} ({paddle.build_options()})")
    print(f"accuracy {model.evaluate(test).accuracy:.3f}")


if __name__ == "__main__":
    main()
