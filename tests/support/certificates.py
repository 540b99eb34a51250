"""Certificates made for a test."""

import subprocess

from tests.support.needs import need_program


def make_certificate(folder, name, *options):
    """Make a certificate and its key, NAME.pem and NAME.key, signed as options say."""
    need_program("openssl")
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    files = ["-keyout", key, "-out", certificate]
    subject = ["-newkey", "rsa:2048", "-noenc", "-subj", f"/CN={name}", *options]
    subprocess.run(["openssl", "req", "-x509", *subject, *files], check=True, capture_output=True)
    return certificate, key
