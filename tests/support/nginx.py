"""nginx with one server."""

from contextlib import contextmanager

from demo.ports import listening
from tests.support.processes import free_port, running_program

# Its own folders, and no second process: it need not be root, nor find nginx's user.
SETTINGS = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=cache:1m;
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""


class Nginx:
    """nginx; ``server`` is what its one server does."""

    def __init__(self, folder, server):
        self.port = free_port()
        self._file = folder / "nginx.conf"
        self._file.write_text(SETTINGS.format(folder=folder, port=self.port, server=server))

    @contextmanager
    def running(self):
        command = ["nginx", "-e", "stderr", "-c", self._file]
        with running_program(command, lambda: listening(self.port)):
            yield self
