"""The service of convert.rs by somebody else: JSON-RPC over HTTP with Python's standard library alone.

    python3 examples/examples/convert.py 8081
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

TO_KELVIN = {"C": lambda t: t + 273.15, "F": lambda t: (t + 459.67) / 1.8, "K": lambda t: t}
FROM_KELVIN = {"C": lambda t: t - 273.15, "F": lambda t: t * 1.8 - 459.67, "K": lambda t: t}


def convert(degrees, **scales):
    return FROM_KELVIN[scales["to"]](TO_KELVIN[scales["from"]](degrees))


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            answer["result"] = convert(**call["params"])
        except Exception as error:
            answer["error"] = {"code": -32000, "message": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


with HTTPServer(("127.0.0.1", int(sys.argv[1])), Service) as server:
    print(f"Listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
