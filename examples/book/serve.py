"""A web page that asks a trained model: click, and it says to which moon the place belongs.

The model is trained when the server starts, which takes less than a second.
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import moons
import paddle

PAGE = Path(__file__).with_name("page.html").read_bytes()


class Handler(BaseHTTPRequestHandler):
    """The page at /, the model's picture at /grid, its answer at /predict?x=…&y=…."""

    model = None

    def do_GET(self):
        asked = urlsplit(self.path)
        if asked.path == "/":
            self.answer(200, "text/html; charset=utf-8", PAGE)
        elif asked.path == "/health":
            self.tell({"paddle": paddle.__version__})
        elif asked.path == "/grid":
            self.tell(moons.grid(self.model))
        elif asked.path == "/predict":
            self.predict(parse_qs(asked.query))
        else:
            self.tell({"error": "there is no such page"}, 404)

    def predict(self, query):
        try:
            place = [float(query[name][0]) for name in ("x", "y")]
        except (KeyError, ValueError):
            self.tell({"error": "x and y are two numbers"}, 400)
            return
        (row,) = self.model.probabilities([place]).tolist()
        self.tell({"class": row.index(max(row)), "probability": max(row)})

    def tell(self, value, status=200):
        self.answer(status, "application/json", json.dumps(value).encode())

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    Handler.model = moons.train()
    print(f"accuracy {moons.accuracy(Handler.model):.3f}", flush=True)
    port = int(os.environ.get("PORT", "8000"))
    server = ThreadingHTTPServer(("0.0.0.0", port), Handler)
    print(f"listening on port {port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
