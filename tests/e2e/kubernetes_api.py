"""A stand-in for the Kubernetes API server, written from its published API: list and watch of pods over TLS.

It answers GET /api/v1/pods with a field selector for one node: a v1.PodList, or with watch=true a stream of
metav1.WatchEvent, one a line, from a resource version on. A version that it has forgotten is answered by 410 Gone, as a status
of HTTP or as an event of type ERROR; a token that is not the one of now by 401.
"""

import collections
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

Request = collections.namedtuple("Request", "is_watch resource_version token status")


def pod(name, uid, node, containers=(), namespace="shop", labels=None, annotations=None, owner=None):
    """A v1.Pod with `containers` as {name: id} that run."""
    metadata = {"name": name, "namespace": namespace, "uid": uid, "labels": labels or {}, "annotations": annotations or {},
                "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {"f:phase": {}}}}]}
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "uid": "o", "controller": True}]
    statuses = [{"name": name, "containerID": f"containerd://{number}", "ready": True} for name, number in dict(containers).items()]
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": {"phase": "Running", "containerStatuses": statuses}}


def status(code, reason, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
            "code": code}


GONE = status(410, "Expired", "too old resource version")


class KubernetesApi:
    def __init__(self, node, port=0):
        self.node = node
        self.token = "first"
        self.gone_as_event = False
        self.requests = []
        self._pods, self._events = {}, []  # events: (version, type, object)
        self._version, self._forgotten, self._cut = 100, 0, 0
        self._changed = threading.Condition()
        self._folder = tempfile.TemporaryDirectory(prefix="sonde-api-")
        self.account = pathlib.Path(self._folder.name)
        self._make_certificate()
        self.write_token()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that does not trust us says so by itself
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.account / "ca.crt", self.account / "key.pem")
        # The handshake is the thread's of the connection, not of who accepts.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.address = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self.cut_watches()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    def write_token(self):
        """What a kubelet does when a token is renewed."""
        new = self.account / "token.new"
        new.write_text(self.token)
        new.rename(self.account / "token")

    def set(self, one):
        with self._changed:
            known = one["metadata"]["uid"] in self._pods
            self._add("MODIFIED" if known else "ADDED", one)
            self._pods[one["metadata"]["uid"]] = one

    def remove(self, one):
        with self._changed:
            del self._pods[one["metadata"]["uid"]]
            self._add("DELETED", one)

    def bookmark(self):
        with self._changed:
            self._add("BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": {}})

    def forget(self):
        """Ends all watches; whoever then watches from a version of before is to list anew."""
        with self._changed:
            self._version += 1000
            self._forgotten = self._version
            self._cut += 1
            self._changed.notify_all()

    def cut_watches(self):
        with self._changed:
            self._cut += 1
            self._changed.notify_all()

    def lists(self):
        return [one for one in self.requests if not one.is_watch]

    def _add(self, kind, one):
        self._version += 1
        one = json.loads(json.dumps(one))
        one["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, kind, one))
        self._changed.notify_all()

    def _make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.account / "key.pem",
                        "-out", self.account / "ca.crt"], check=True, capture_output=True)

    def _handler(api):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                self.answer(url.path, query, token)

            def answer(self, path, query, token):
                is_watch, version = query.get("watch") == "true", query.get("resourceVersion", "")
                note = lambda code: api.requests.append(Request(is_watch, version, token, code))
                if token != api.token:
                    note(401)
                    return self.send_object(401, status(401, "Unauthorized", "Unauthorized"))
                if path != "/api/v1/pods" or query.get("fieldSelector") != f"spec.nodeName={api.node}":
                    note(403)
                    return self.send_object(403, status(403, "Forbidden", "pods is forbidden"))
                with api._changed:
                    is_gone = is_watch and int(version) < api._forgotten
                    items, now = list(api._pods.values()), api._version
                note(410 if is_gone else 200)
                if is_gone and not api.gone_as_event:
                    return self.send_object(410, GONE)
                if is_watch:
                    return self.send_events(int(version), float(query["timeoutSeconds"]), is_gone)
                self.send_object(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(now)}, "items": items})

            def send_object(self, code, one):
                body = json.dumps(one).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def send_events(self, version, seconds, is_gone):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    if is_gone:
                        self.send_chunk({"type": "ERROR", "object": GONE})
                    else:
                        self.stream(version, time.monotonic() + seconds)
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    pass  # the client has gone
                self.close_connection = True

            def stream(self, version, deadline):
                cut = api._cut
                while time.monotonic() < deadline:
                    with api._changed:
                        if api._cut != cut:
                            return
                        fresh = [event for event in api._events if event[0] > version]
                        if not fresh:
                            api._changed.wait(1)
                            continue
                    for version, kind, one in fresh:
                        self.send_chunk({"type": kind, "object": one})

            def send_chunk(self, event):
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()

        return Handler
