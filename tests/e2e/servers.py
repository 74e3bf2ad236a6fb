"""Servers of other people's making, each under a load for a while: what their threads wait for is nobody's plan."""

import http.client
import pathlib
import subprocess
import threading
import time

import sonde_processes as sonde

NGINX_CONF = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;
events {{ worker_connections 64; }}
http {{
  aio threads; sendfile off; gzip on; gzip_types *; access_log {folder}/access.log; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""

# Reads files by libuv's threads, writes one, hashes on a thread, and lets a timer pass, for every request.
NODE_SERVER = """
const fs = require('fs'), http = require('http'), crypto = require('crypto');
http.createServer((request, response) => {
  fs.readFile(process.argv[2] + request.url, (error, bytes) => {
    if (error) { response.statusCode = 404; return response.end(); }
    fs.writeFile(process.argv[3], bytes,
      () => crypto.pbkdf2('a', 'b', 100, 64, 'sha512', () => setTimeout(() => response.end(bytes), 1)));
  });
}).listen(process.argv[4], '127.0.0.1');
"""

# The same in Java, a thread for each connection.
JAVA_SERVER = """
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.util.concurrent.Executors;
import com.sun.net.httpserver.HttpServer;
public class Server {
  public static void main(String[] a) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[2])), 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/", exchange -> {
      byte[] bytes = Files.readAllBytes(Path.of(a[0] + exchange.getRequestURI()));
      Files.write(Path.of(a[1]), bytes);
      try { Thread.sleep(1); } catch (InterruptedException e) { }
      exchange.sendResponseHeaders(200, bytes.length);
      exchange.getResponseBody().write(bytes);
      exchange.close();
    });
    server.start();
  }
}
"""


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/one")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def browse(port, seconds, clients=4):
    """Clients that keep their connections, and ask for one of two files after the other."""
    counts = [0] * clients
    end = time.monotonic() + seconds

    def ask(index):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=sonde.PATIENCE)
        while time.monotonic() < end:
            connection.request("GET", ("/one", "/two")[counts[index] % 2])
            if connection.getresponse().read():
                counts[index] += 1
        connection.close()

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


class WebServer:
    """One that serves the files of `folder`; from its start to its end it is under load for so many seconds."""

    def __init__(self, name, folder, command):
        self.name, self.folder, self.command = name, pathlib.Path(folder), command

    def run(self, seconds):
        port = sonde.free_port()
        program = sonde.Program(self.folder, self.command(self.folder, port))
        try:
            sonde.wait_until(lambda: f"for {self.name}, which said {program.said()}",
                             lambda: program.assert_alive() or answers(port))
            return browse(port, seconds)
        finally:
            program.stop()


def nginx(folder, port):
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, port=port, root=folder))
    return ["nginx", "-c", conf]


def node(folder, port):
    script = folder / "server.js"
    script.write_text(NODE_SERVER)
    return ["node", script, folder, folder / "written", port]


def java(folder, port):
    script = folder / "Server.java"
    script.write_text(JAVA_SERVER)
    return ["java", script, folder, folder / "written-by-java", port]


class Redis:
    """Appends to a file, and saves all of it now and then, as many installations do."""

    name = "Redis"
    PROGRAM = pathlib.Path("/usr/bin/redis-server").resolve().name  # Debian has one for all of Redis

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def run(self, seconds):
        port = sonde.free_port()
        server = sonde.Program(self.folder, ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", self.folder,
                                             "--appendonly", "yes", "--save", "1 1"])
        load = None
        try:
            server.wait_until_said("Ready to accept connections")
            load = subprocess.Popen(["redis-benchmark", "-p", str(port), "-l", "-q", "-c", "8", "-t", "set,get,lpush,lrange_100"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            time.sleep(seconds)
            return load.poll() is None
        finally:
            if load:
                load.kill()
                load.wait()
            server.stop()
