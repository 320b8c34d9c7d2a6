# SPDX-License-Identifier: Apache-2.0
"""The program, as a user calls it."""

import os
import re
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["PADDLE_PROGRAM"]


def paddle(*arguments, **environment):
    return subprocess.run(
        [PROGRAM, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def path(self, name, content=None):
        path = os.path.join(self.directory.name, name)
        if content is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return path

    def assert_fails(self, text, *arguments, **environment):
        result = paddle(*arguments, **environment)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stderr)

    def test_version(self):
        result = paddle("version")
        self.assertRegex(result.stdout, r"^paddle \S+ \(GPU=(ON|OFF) AVX=(ON|OFF)\)\n$")
        self.assertEqual(paddle("--version").stdout, result.stdout)

    def test_check(self):
        result = paddle("check")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertTrue(result.stdout.endswith("all is well\n"))

    def test_help(self):
        self.assertIn("usage: paddle", paddle("--help").stdout)
        for command in ("train", "predict", "check", "version"):
            result = paddle(command, "--help")
            self.assertEqual(result.returncode, 0)
            self.assertIn(f"usage: paddle {command}", result.stdout)
        self.assertEqual(paddle().returncode, 2)

    def train_and_predict(self, model, *options):
        saved = self.path("model.pdck")
        result = paddle("train", "--model", model, "--data", "synthetic", "--save", saved, *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        accuracy = re.findall(r"validation accuracy ([\d.]+)", result.stdout)[-1]
        self.assertGreaterEqual(float(accuracy), 0.95)
        result = paddle("predict", "--load", saved, "--data", "synthetic", "--samples", "50")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 50)
        self.assertIn("of 50 right", result.stderr)

    def test_mlp_with_sgd(self):
        self.train_and_predict("mlp", "--optimizer", "sgd", "--epochs", "15")

    def test_convnet_with_adam(self):
        self.train_and_predict("convnet", "--optimizer=adam", "--epochs=5")

    def test_csv(self):
        # The class is whether x lies above y.
        points = [(i * 7 % 11, i * 5 % 13) for i in range(143)]
        points = [(x, y) for x, y in points if x != y]
        lines = [f"{x},{y},{int(x > y)}\n" for x, y in points]
        labelled = self.path("a.csv", "x,y,c\n" + "".join(lines))
        plain = self.path("b.csv", "9,1\n1,9\n")
        saved = self.path("model.pdck")
        result = paddle(
            "train", "--data", labelled, "--layers", "standardize; dense 2", "--save", saved
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        result = paddle("predict", "--load", saved, "--data", plain, "--probabilities")
        self.assertEqual([line[0] for line in result.stdout.splitlines()], ["1", "0"])
        self.assertEqual(result.stderr.count("right"), 0)

    def test_bad_data(self):
        bad = self.path("bad.csv", "1,2,0\n1,two,0\n")
        self.assert_fails("bad.csv:2: column 2: 'two'", "train", "--data", bad)
        bad = self.path("bad.idx", "not an image")
        self.assert_fails("bad.idx: byte 0:", "train", "--data", bad)
        self.assert_fails("not a paddle checkpoint", "predict", "--load", bad, "--data", bad)

    def test_bad_options(self):
        self.assert_fails("no command 'fly'", "fly")
        self.assert_fails("'--data' is missing", "train")
        self.assert_fails("unknown option '--speed'", "train", "--speed", "9")
        self.assert_fails("'--data' is given twice", "train", "--data=a", "--data=b")
        self.assert_fails("--epochs is '0'", "train", "--data", "synthetic", "--epochs", "0")
        self.assert_fails(
            "optimizer 'newton'", "train", "--data", "synthetic", "--optimizer", "newton"
        )
        self.assert_fails("PADDLE_KERNELS is 'x'", "check", PADDLE_KERNELS="x")

    def test_cpu_without_avx(self):
        for arguments in (["version"], ["check"], []):
            result = paddle(*arguments, PADDLE_TEST_NO_AVX="1")
            if os.environ["PADDLE_AVX"] == "1":
                self.assertEqual(result.returncode, 1)
                self.assertEqual(result.stderr, "this build needs AVX, use the noavx variant\n")
            else:
                self.assertNotIn("needs AVX", result.stderr)


if __name__ == "__main__":
    unittest.main()
