"""The least that a request can cost: a greeting from Flask (``app``), and from WSGI itself."""

from flask import Flask

app = Flask(__name__, static_folder=None)


@app.get("/healthz")
def hello():
    return {"message": "Hello"}


def wsgi(_environ, start_response):
    body = b'{"message":"Hello"}\n'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
