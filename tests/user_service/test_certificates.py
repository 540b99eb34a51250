"""user-service by HTTPS: whose certificates are trusted, and what the log says of the others."""

import ssl

import pytest
import requests

from application.order_api.user_client import User, UserClient, UserServiceUnavailable
from demo.user_service import UserService
from tests.support.certificates import make_certificate

TIMEOUT = 30  # seconds: enough on a slow machine
KEY = "Basic secret"


@pytest.fixture
def authority(tmp_path):
    """The certificate of an organisation's own authority, and its key."""
    return make_certificate(tmp_path, "authority")


@pytest.fixture
def https(tmp_path, authority):
    """A user-service with one user and a certificate that the authority has signed."""
    signed_by = ["-CA", authority[0], "-CAkey", authority[1]]
    name = ["-addext", "subjectAltName=IP:127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path, "user-service", *name, *signed_by))
    server = UserService()
    server.add("jane", api_key="secret", user_id=7)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with server.start():
        try:
            yield server.url.replace("http:", "https:")
        finally:
            server.shutdown()


def test_a_certificate_of_the_given_authority_is_trusted(https, authority):
    client = UserClient(https, TIMEOUT, certificates=str(authority[0]))
    assert client.get_user(KEY) == User(7, False)


def test_a_certificate_of_nobody_that_is_trusted_is_refused_and_named(https):
    reason = "SSLError: .* certificate verify failed: unable to get local issuer certificate"
    with pytest.raises(UserServiceUnavailable, match=reason) as refused:
        UserClient(https, TIMEOUT).get_user(KEY)
    assert "secret" not in str(refused.value)


def test_a_certificate_for_another_name_is_refused_and_named(https, authority):
    url = https.replace("127.0.0.1", "localhost")
    reason = "SSLError: .* Hostname mismatch, certificate is not valid for 'localhost'"
    with pytest.raises(UserServiceUnavailable, match=reason):
        UserClient(url, TIMEOUT, certificates=str(authority[0])).get_user(KEY)


@pytest.mark.slow  # a server for each
@pytest.mark.parametrize(
    ("variable", "file", "status"),
    [
        ("USER_SERVICE_CA", "authority.pem", 200),
        ("REQUESTS_CA_BUNDLE", "authority.pem", 200),
        ("REQUESTS_CA_BUNDLE", "stale.pem", 503),
        ("SSL_CERT_FILE", "authority.pem", 503),  # of OpenSSL's own programs
    ],
)
def test_settings_name_the_authority(https, start, tmp_path, variable, file, status):
    named = {variable: str(tmp_path / file)}
    service = start(f"sqlite:///{tmp_path}/order.db", USER_SERVICE_URL=https, **named)
    answer = requests.get(f"{service.url}/api/order", headers={"Authorization": KEY}, timeout=60)
    assert answer.status_code == status
    service.stop()
    log = service.log.read_text()
    assert ("stale.pem" in log) == (file == "stale.pem")
    assert "secret" not in log
