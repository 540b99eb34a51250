"""The stack of docker-compose.yml, beside a container with the name of the course's database."""

import pytest

from tests.support.docker import container, docker


@pytest.fixture(scope="session", autouse=True)
def network():
    """The network of the course, which is removed if it was made here."""
    made = "micro_network" not in docker("network", "ls", "--format", "{{.Name}}").splitlines()
    if made:
        docker("network", "create", "micro_network")
    yield
    if made:
        docker("network", "rm", "micro_network")


@pytest.fixture(scope="session", autouse=True)
def course_database(network):
    """A container on the course's network that answers to the name of the course's database."""
    course = ["--net=micro_network", "--network-alias=order-db", "--init"]
    with container("course-db", *course, "python:3.13-slim", "sleep", "infinity") as name:
        yield name


@pytest.fixture(scope="session", autouse=True)
def stack(course_database):
    try:
        docker("compose", "up", "--build", "--detach", "--wait")
        yield
    finally:
        docker("compose", "down", "--volumes", "--rmi", "local")


@pytest.fixture(scope="session")
def image(stack):
    return docker("compose", "images", "--quiet", "order-service")
