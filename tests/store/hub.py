"""A model hub on this machine: what huggingface_hub asks of one, for files in memory; counts and can be cut off."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Hub:
    """``files`` of ``repository`` at ``revision``. ``cut``: bytes after which answers with a file end, one after
    another, the last for all that follow.

    ``gated``: whether a token is asked for. ``requests``: (method, path, range) in the order in which they came.
    """

    def __init__(self, repository, files, revision="a" * 40):
        self.repository, self.files, self.revision = repository, files, revision
        self.cut, self.gated, self.requests = [], False, []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):
                pass

            def do_HEAD(self):
                self.answer(body=False)

            def do_GET(self):
                self.answer(body=True)

            def answer(self, body):
                path = urlsplit(self.path).path
                hub.requests.append((self.command, path, self.headers.get("Range")))
                if hub.gated and not self.headers.get("Authorization"):
                    return self.reply(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
                if path.startswith(f"/api/models/{hub.repository}"):
                    return self.reply(200, json.dumps(hub.facts()).encode(), {})
                start = f"/{hub.repository}/resolve/{hub.revision}/"
                content = hub.files.get(path.removeprefix(start)) if path.startswith(start) else None
                if content is None:
                    code = {"X-Error-Code": "RepoNotFound" if path.startswith("/api") else "EntryNotFound"}
                    return self.reply(404, b"", code)
                return self.file(content, body)

            def file(self, content, body):
                facts = {"ETag": f'"{hub.digest(content)}"', "X-Repo-Commit": hub.revision, "Accept-Ranges": "bytes"}
                facts["X-Linked-Size"], code = str(len(content)), 200
                if wanted := self.headers.get("Range"):
                    first = int(wanted.removeprefix("bytes=").split("-")[0])
                    facts["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
                    content, code = content[first:], 206
                if body and hub.cut:
                    left = hub.cut.pop(0) if len(hub.cut) > 1 else hub.cut[0]
                    self.reply(code, content[:left], facts, length=len(content))
                    self.close_connection = True
                    return
                self.reply(code, content if body else b"", facts, length=len(content))

            def reply(self, code, content, headers, length=None):
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content) if length is None else length))
                self.end_headers()
                self.wfile.write(content)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def facts(self):
        siblings = [
            {
                "rfilename": name,
                "size": len(content),
                "blobId": "b" * 40,
                "lfs": {"size": len(content), "sha256": self.digest(content), "pointerSize": 134},
            }
            for name, content in self.files.items()
        ]
        return {"id": self.repository, "modelId": self.repository, "sha": self.revision, "siblings": siblings}

    @staticmethod
    def digest(content):
        return hashlib.sha256(content).hexdigest()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
