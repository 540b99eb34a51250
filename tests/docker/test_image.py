"""The image by itself: several replicas, any user, migrations as a job of their own."""

import shutil
from contextlib import ExitStack

import config
from tests.support.databases import head_revision
from tests.support.docker import PASSWORD, PROJECT, READ_ONLY, container, docker, inside, mysql
from tests.support.processes import until

ON_SQLITE = "DATABASE_URL=sqlite:////tmp/order.db"
READY = "from urllib.request import urlopen; urlopen('http://127.0.0.1:5003/readyz')"


def empty_database(name):
    """Make a database beside the stack's, and return the options of containers that use it."""
    mysql(f"CREATE DATABASE {name}; GRANT ALL ON {name}.* TO cloudacademy@'%'")
    url = f"mysql+pymysql://cloudacademy@order-service-db/{name}"
    variables = f"--env=DATABASE_URL={url}", f"--env=DATABASE_PASSWORD={PASSWORD}"
    return [f"--net={PROJECT}_database", *READ_ONLY, *variables]


def revision(name):
    return mysql(f"SELECT version_num FROM {name}.alembic_version")


def await_health(*names):
    """Wait until the containers are healthy; none may have been restarted."""
    health = ["inspect", "--format", "{{.State.Health.Status}} {{.RestartCount}}", *names]
    until(lambda: docker(*health).splitlines() == ["healthy 0"] * len(names), 120)


def test_it_holds_only_the_service():
    assert set(inside("order-service", "ls", "-A").split()) == {
        "application", "migrations", "config.py", "gunicorn.conf.py", "requirements.txt", "run.py"
    }  # fmt: skip


def test_it_names_a_user_without_rights_by_number(image):
    """Kubernetes' runAsNonRoot cannot check a name."""
    user = docker("inspect", "--format", "{{.Config.User}}", image)
    assert user == "10001:10001"
    assert inside("order-service", "id", "-u") == "10001"


def test_three_replicas_start_on_an_empty_database_at_once(image):
    options = [*empty_database("three"), "--health-interval=1s", image]
    with ExitStack() as running:
        await_health(*[running.enter_context(container(name, *options)) for name in "abc"])
    assert revision("three") == head_revision()


def test_migrations_can_be_a_job_before_the_replicas(image):
    options = empty_database("job")
    upgrade = "--rm", "--entrypoint=flask", *options, image, "db", "upgrade"
    docker("run", *upgrade)
    assert revision("job") == head_revision()
    docker("run", *upgrade)  # nothing is left to do
    replica = "--env=MIGRATE_ON_START=false", "--health-interval=1s", image
    with container("replica", *options, *replica) as name:
        await_health(name)
        docker("exec", name, "python", "-c", READY)


def test_any_user_can_run_it_without_any_privilege(image):
    locked = [*READ_ONLY, "--user=12345", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    options = [*locked, "--health-interval=1s", f"--env={ON_SQLITE}"]
    with container("user", *options, image) as name:
        await_health(name)
        assert docker("exec", name, "id", "-u") == "12345"


def test_a_clone_that_only_its_owner_can_read_gives_the_same_image(tmp_path):
    clone = tmp_path / "clone"
    shutil.copytree(config.ROOT, clone, ignore=shutil.ignore_patterns(".venv", ".git", "tests"))
    (clone / "application").chmod(0o700)
    (clone / "run.py").chmod(0o600)
    built = docker("build", "--quiet", str(clone))
    try:
        flask = "--entrypoint=flask", f"--env={ON_SQLITE}", built
        routes = docker("run", "--rm", *READ_ONLY, *flask, "routes")
        assert "/api/order/checkout" in routes
    finally:
        docker("rmi", built)
