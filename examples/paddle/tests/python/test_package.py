# SPDX-License-Identifier: Apache-2.0
"""The Python package, and through it the C interface."""

import array
import math
import os
import subprocess
import sys
import tempfile
import unittest

import paddle


class TensorTest(unittest.TestCase):
    def test_nested_lists(self):
        values = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
        tensor = paddle.Tensor(values)
        self.assertEqual(tensor.shape, (2, 2, 2))
        self.assertEqual(tensor.size, 8)
        self.assertEqual(tensor.tolist(), values)

    def test_buffers_and_scalars(self):
        self.assertEqual(paddle.Tensor(array.array("d", [1, 2])).tolist(), [1.0, 2.0])
        self.assertEqual(paddle.Tensor(3).tolist(), 3.0)
        self.assertEqual(paddle.Tensor([]).shape, (0,))

    def test_uneven_lists(self):
        for values in ([[1], [2, 3]], [[1, 2], [3]], [1, [2]], [[1], 2]):
            with self.subTest(values=values), self.assertRaises(ValueError):
                paddle.Tensor(values)

    def test_arithmetic(self):
        a = paddle.Tensor([[1, 2], [3, 4]])
        b = paddle.Tensor([[5, 6], [7, 8]])
        self.assertEqual((a + b).tolist(), [[6, 8], [10, 12]])
        self.assertEqual((a - b).tolist(), [[-4, -4], [-4, -4]])
        self.assertEqual((a * b).tolist(), [[5, 12], [21, 32]])
        self.assertEqual((2 * a).tolist(), [[2, 4], [6, 8]])
        self.assertEqual((-a).tolist(), [[-1, -2], [-3, -4]])
        self.assertEqual((a @ b).tolist(), [[19, 22], [43, 50]])
        transposed = paddle.matmul(a, b, transpose_a=True)
        self.assertEqual(transposed.tolist(), [[26, 30], [38, 44]])

    def test_reshape(self):
        tensor = paddle.Tensor([1, 2, 3, 4]).reshape(2, 2)
        self.assertEqual(tensor.tolist(), [[1, 2], [3, 4]])
        with self.assertRaisesRegex(paddle.PaddleError, "as 3"):
            tensor.reshape(3)

    def test_functions(self):
        x = paddle.Tensor([-1.0, 0.0, 1.0])
        self.assertEqual(paddle.relu(x).tolist(), [0, 0, 1])
        for value, expected in zip(paddle.sigmoid(x).tolist(), (-1, 0, 1)):
            self.assertAlmostEqual(value, 1 / (1 + math.exp(-expected)), places=6)
        for value, expected in zip(paddle.tanh(x).tolist(), (-1, 0, 1)):
            self.assertAlmostEqual(value, math.tanh(expected), places=6)
        rows = paddle.softmax(paddle.Tensor([[1, 2, 3], [0, 0, 0]])).tolist()
        self.assertAlmostEqual(sum(rows[0]), 1.0, places=6)
        self.assertAlmostEqual(rows[1][0], 1 / 3, places=6)

    def test_images(self):
        x = paddle.Tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]])
        weights = paddle.Tensor([[[[1, 0], [0, -1]]]])
        self.assertEqual(paddle.conv2d(x, weights).tolist(), [[[[-4, -4], [-4, -4]]]])
        shifted = paddle.conv2d(x, weights, bias=paddle.Tensor([4]), stride=2)
        self.assertEqual(shifted.tolist(), [[[[0]]]])
        self.assertEqual(paddle.max_pool(x, 3).tolist(), [[[[9]]]])

    def test_random(self):
        first = paddle.random_normal(3, 4, seed=1)
        self.assertEqual(first.shape, (3, 4))
        self.assertEqual(first.tolist(), paddle.random_normal(3, 4, seed=1).tolist())
        self.assertEqual(paddle.zeros(2).tolist(), [0, 0])

    def test_errors_are_exceptions(self):
        with self.assertRaisesRegex(paddle.PaddleError, "2x2 by 3x1"):
            paddle.zeros(2, 2) @ paddle.zeros(3, 1)
        with self.assertRaisesRegex(paddle.PaddleError, "differ"):
            paddle.zeros(2) + paddle.zeros(3)


class DatasetTest(unittest.TestCase):
    def test_from_lists(self):
        data = paddle.Dataset([[1, 2], [3, 4], [5, 6]], labels=[0, 1, 0])
        self.assertEqual((len(data), data.shape, data.classes), (3, (2,), 2))
        self.assertEqual(data.labels, [0, 1, 0])
        self.assertEqual(data.features.tolist(), [[1, 2], [3, 4], [5, 6]])
        self.assertIsNone(paddle.Dataset([1, 2, 3]).labels)
        with self.assertRaises(ValueError):
            paddle.Dataset([[1], [2]], labels=[0])

    def test_files(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "data.csv")
            with open(path, "w", encoding="utf-8") as file:
                file.write("1,2,0\n3,4,one\n")
            with self.assertRaisesRegex(paddle.PaddleError, r"data\.csv:2: column 3"):
                paddle.Dataset.read_csv(path)
            path = os.path.join(directory, "images.idx")
            with open(path, "wb") as file:
                file.write(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255]))
            data = paddle.Dataset.read_idx(path)
            self.assertEqual(data.features.tolist(), [[[[0.0, 1.0]]]])

    def test_split(self):
        part, rest = paddle.Dataset.synthetic("spirals", samples=100).split(0.25)
        self.assertEqual((len(part), len(rest)), (25, 75))


class ModelTest(unittest.TestCase):
    def test_learns_and_comes_back(self):
        data = paddle.Dataset.synthetic("shapes", samples=600)
        test, train = data.split(0.2)
        model = paddle.Model.convnet(data)
        reports = model.fit(train, paddle.SGD(learning_rate=0.05), epochs=8)
        self.assertEqual([report.epoch for report in reports], list(range(1, 9)))
        self.assertLess(reports[-1].loss, reports[0].loss)
        self.assertGreaterEqual(model.evaluate(test).accuracy, 0.95)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "model.pdck")
            model.save(path)
            loaded = paddle.Model.load(path)
        self.assertEqual(loaded.layers, model.layers)
        self.assertEqual(loaded.predict(test), model.predict(test))
        self.assertEqual(loaded(test.features).tolist(), model(test.features).tolist())

    def test_steps_by_hand(self):
        model = paddle.Model("dense 1", shape=(2,))
        optimizer = paddle.SGD(learning_rate=0.1)
        x = paddle.Tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
        target = paddle.Tensor([[1], [3], [0], [2]])
        losses = [model.train_batch_regression(optimizer, x, target) for _ in range(300)]
        self.assertLess(losses[-1], 1e-4)
        classifier = paddle.Model("dense 8; tanh; dense 2", shape=(2,))
        optimizer = paddle.Adam(learning_rate=0.05)
        losses = [classifier.train_batch(optimizer, x, [0, 1, 1, 0]) for _ in range(300)]
        self.assertLess(losses[-1], 0.05)
        self.assertEqual(classifier.predict(x.tolist()), [0, 1, 1, 0])

    def test_report_can_stop_and_raise(self):
        data = paddle.Dataset.synthetic("spirals", samples=60)
        model = paddle.Model.mlp(data)
        reports = model.fit(data, paddle.Adam(), epochs=9, report=lambda r: r.epoch == 2)
        self.assertEqual(len(reports), 2)

        def fails(_):
            raise KeyError("mine")

        with self.assertRaises(KeyError):
            model.fit(data, paddle.Adam(), report=fails)

    def test_errors(self):
        with self.assertRaisesRegex(paddle.PaddleError, "layer 2"):
            paddle.Model("dense 3; blur", shape=(2,))
        with self.assertRaisesRegex(paddle.PaddleError, "convnet needs images"):
            paddle.Model.convnet(paddle.Dataset.synthetic("spirals"))


class LibraryTest(unittest.TestCase):
    def test_version(self):
        self.assertEqual(paddle.__version__, paddle.version())
        self.assertRegex(paddle.build_options(), r"^GPU=(ON|OFF) AVX=(ON|OFF)$")

    def test_self_check(self):
        self.assertEqual(paddle.self_check()[-1], "all is well")

    def test_threads(self):
        before = paddle.threads()
        paddle.set_threads(3)
        self.assertEqual(paddle.threads(), 3)
        paddle.set_threads(before)
        with self.assertRaises(paddle.PaddleError):
            paddle.set_threads(0)

    def import_with(self, **environment):
        return subprocess.run(
            [sys.executable, "-B", "-c", "import paddle; print(paddle.kernel_family())"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_cpu_without_avx(self):
        result = self.import_with(PADDLE_TEST_NO_AVX="1")
        if os.environ["PADDLE_AVX"] == "1":
            self.assertIn("ImportError: this build needs AVX, use the noavx variant", result.stderr)
        else:
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_chosen_kernels(self):
        self.assertEqual(self.import_with(PADDLE_KERNELS="generic").stdout, "generic\n")

    def test_missing_library(self):
        result = self.import_with(PADDLE_LIBRARY="/nonexistent.so")
        self.assertIn("ImportError: cannot load", result.stderr)


if __name__ == "__main__":
    unittest.main()
