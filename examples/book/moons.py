"""Two moons: points of two classes that no straight line parts, and a model that learns them."""

import math
import random

import paddle

LAYERS = "standardize; dense 24; tanh; dense 2"


def points(count, seed):
    """Points on two half circles that reach into each other, with noise, and their classes."""
    rng = random.Random(seed)
    places, classes = [], []
    for i in range(count):
        angle = rng.uniform(0.0, math.pi)
        x, y = math.cos(angle), math.sin(angle)
        if i % 2:
            x, y = 1.0 - x, 0.5 - y
        places.append([x + rng.gauss(0.0, 0.1), y + rng.gauss(0.0, 0.1)])
        classes.append(i % 2)
    return places, classes


def train(epochs=30, report=None):
    """A model that has learned from 800 points."""
    data = paddle.Dataset(*points(800, seed=7))
    model = paddle.Model(LAYERS, shape=data.shape)
    model.fit(data, paddle.Adam(learning_rate=0.01), epochs=epochs, report=report)
    return model


def accuracy(model):
    """How often the model is right about 400 points that it has not seen."""
    return model.evaluate(paddle.Dataset(*points(400, seed=8))).accuracy


def grid(model, columns=60, rows=40, left=-1.5, right=2.5, bottom=-1.0, top=1.5):
    """The probability of class 1 over the plane: rows from the bottom, each from the left."""
    places = [
        [left + (right - left) * i / (columns - 1), bottom + (top - bottom) * j / (rows - 1)]
        for j in range(rows)
        for i in range(columns)
    ]
    found = [row[1] for row in model.probabilities(places).tolist()]
    return [found[j * columns : (j + 1) * columns] for j in range(rows)]
