"""Where gunicorn's workers count: PROMETHEUS_MULTIPROC_DIR, or a folder that the server makes."""

import json
import os
import signal

import pytest

from tests.support.gunicorn import run_gunicorn
from tests.support.metrics import scrape
from tests.support.processes import until

pytestmark = pytest.mark.slow  # several servers in each test


@pytest.fixture
def serve(start, tmp_path):
    """Start an instance of two workers, which keeps all its files in the test's folder."""

    def serve(**settings):
        return start(f"sqlite:///{tmp_path}/order.db", **settings)

    return serve


def own_folders(folder):
    return set(folder.glob("order-service-counts-*"))


@pytest.mark.parametrize("option", ["--check-config", "--print-config"])
def test_none_is_left_when_settings_are_only_read(tmp_path, option):
    assert run_gunicorn(tmp_path, option).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_the_server_s_own_is_kept_by_a_reload_and_deleted_at_the_end(serve, tmp_path):
    service = serve(PROMETHEUS_MULTIPROC_DIR="")  # counts as unset
    (folder,) = own_folders(tmp_path)
    before = service.workers()
    os.kill(service.pid, signal.SIGHUP)
    until(lambda: service.all_serve() and not set(before) & set(service.workers()))
    assert scrape(service)
    assert own_folders(tmp_path) == {folder}
    service.stop()
    assert own_folders(tmp_path) == set()
    assert all(json.loads(line) for line in service.log.read_text().splitlines())


def test_a_dead_server_s_is_deleted_by_the_next_start_and_no_other(serve, tmp_path):
    dead = serve()
    leftover = own_folders(tmp_path)
    living = serve()
    (folder,) = own_folders(tmp_path) - leftover
    dead.kill()
    third = serve()
    assert not own_folders(tmp_path) & leftover
    assert folder in own_folders(tmp_path)
    assert scrape(living)
    third.stop()
    assert own_folders(tmp_path) == {folder}


def test_an_operator_s_is_made_if_missing_and_never_deleted(serve, tmp_path):
    named = tmp_path / "operator" / "order-service-counts-mine"
    service = serve(PROMETHEUS_MULTIPROC_DIR=str(named))
    assert scrape(service)
    assert own_folders(tmp_path) == set()
    service.stop()
    assert list(named.glob("histogram_*.db"))
    serve(TMPDIR=str(named.parent)).stop()
    assert named.exists()


def test_a_new_master_makes_its_own(serve, tmp_path):
    """SIGUSR2 starts one beside the old one, with new code; here after a reload."""
    service = serve()
    old = own_folders(tmp_path)
    before = service.workers()
    os.kill(service.pid, signal.SIGHUP)
    until(lambda: service.all_serve() and not set(before) & set(service.workers()))
    with service.replaced():
        assert len(own_folders(tmp_path) - old) == 1
        assert not own_folders(tmp_path) & old
        assert scrape(service)
    until(lambda: own_folders(tmp_path) == set())
