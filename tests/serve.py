# SPDX-License-Identifier: Apache-2.0
"""Serve the files of a folder over HTTP on loopback, as servers do that are
good, slow or broken.

    serve.py FOLDER LOG [CERTIFICATE KEY]

prints the port.  LOG gets a line for each request: the path and its Range.  The
first part of a path says how the file is served; see `ways`.  With a
certificate it is HTTPS."""
import http.server
import os
import re
import ssl
import sys
import time

FOLDER, LOG = sys.argv[1:3]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def start(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def begin_at(self):
        match = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        return int(match.group(1)) if match else 0

    def whole(self, data):
        """No ranges."""
        self.start(200, {"Content-Length": len(data)})
        self.wfile.write(data)

    def ranges(self, data, sent=None, pause=0, at=None):
        """As a good server; `sent` bytes at most, 4096 a `pause`."""
        begin = self.begin_at()
        if begin >= len(data) > 0:
            self.start(416, {"Content-Range": "bytes */%d" % len(data),
                             "Content-Length": 0})
            return
        headers = {"Content-Length": len(data) - begin}
        if begin:
            shown = begin if at is None else at
            headers["Content-Range"] = "bytes %d-%d/%d" % (
                shown, len(data) - 1, len(data))
        self.start(206 if begin else 200, headers)
        data = data[begin:][:sent]
        for i in range(0, len(data), 4096 if pause else len(data)):
            self.wfile.write(data[i:i + 4096] if pause else data)
            self.wfile.flush()
            time.sleep(pause)

    def cut(self, data):
        """Half of what is asked for, and then the connection is closed."""
        self.ranges(data, (len(data) - self.begin_at()) // 2)

    def unmeasured(self, data):
        """Without a length: the end of the connection is that of the data."""
        self.start(200, {})
        self.wfile.write(data)

    def slow(self, data):
        self.ranges(data, pause=0.03)

    def shifted(self, data):
        """Another range than what is asked for."""
        self.ranges(data, at=1)

    def damaged(self, data):
        """One byte is another one."""
        turned = bytearray(data)
        turned[len(turned) // 3] ^= 1
        self.ranges(bytes(turned))

    def endless(self, _):
        """Zeros, without a length, for as long as they are read."""
        self.start(200, {})
        while True:
            self.wfile.write(bytes(1 << 20))

    def huge(self, _):
        """A length that no archive of CIFAR-10 has."""
        self.start(200, {"Content-Length": 1 << 40})
        self.endless(_)

    def moved(self, _):
        self.start(302, {"Location": self.path.replace("/moved/", "/ranges/"),
                         "Content-Length": 0})

    def inward(self, _):
        """A redirection to a file of the client's machine."""
        self.start(302, {"Location": "file://%s/good.tar.gz" %
                         os.path.abspath(FOLDER), "Content-Length": 0})

    def circle(self, _):
        self.start(302, {"Location": self.path, "Content-Length": 0})

    def held(self, data):
        """Half of it, and the rest when the file LOG.go appears."""
        self.start(200, {"Content-Length": len(data)})
        self.wfile.write(data[:len(data) // 2])
        while not os.path.exists(LOG + ".go"):
            time.sleep(0.05)
        self.wfile.write(data[len(data) // 2:])

    ways = {way.__name__: way for way in (
        whole, ranges, cut, unmeasured, slow, shifted, damaged, endless, huge, moved,
        inward, circle, held)}

    def do_GET(self):
        with open(LOG, "a", encoding="ascii") as log:
            log.write("%s %s\n" % (self.path, self.headers.get("Range", "-")))
        match = re.match(r"(?:http://[^/]+)?/([a-z]+)/([a-z0-9.-]+)$",
                         self.path)  # a client of a proxy names the host
        path = match and os.path.join(FOLDER, match.group(2))
        if not match or match.group(1) not in self.ways or \
                not os.path.exists(path):
            self.start(404, {"Content-Length": 0})
            return
        with open(path, "rb") as file:
            data = file.read()
        try:
            self.ways[match.group(1)](self, data)
        except OSError:  # the client has gone
            pass
        self.close_connection = True


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
