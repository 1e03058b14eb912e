"""The twin of src/bin/web_server.rs, by the standard library: a thread per connection.

Nobody notices that a client has left, and nothing kills a task that runs. A crash breaks the pool.
"""

import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

PLACES = threading.Semaphore(32)


def primes(below):
    return sum(
        all(n % divisor for divisor in range(2, int(n**0.5) + 1)) for n in range(2, below)
    )


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlparse(self.path).query)
        if not PLACES.acquire(blocking=False):
            return self.answer(503, "too many requests at once")
        try:
            future = executor.submit(primes, int(query["below"][0]))
            limit = int(query.get("ms", ["60000"])[0]) / 1000
            self.answer(200, future.result(timeout=limit))
        except TimeoutError:
            future.cancel()
            self.answer(504, "not over in time")
        except Exception as error:
            self.answer(500, error)
        finally:
            PLACES.release()

    def answer(self, status, body):
        body = f"{body}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = False  # `server_close` waits for the requests.
    ThreadingHTTPServer.request_queue_size = 128
    with ProcessPoolExecutor() as executor:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
        executor.submit(primes, 2).result()  # The workers are forked before there are threads.
        stop = lambda *_: threading.Thread(target=server.shutdown).start()
        signal.signal(signal.SIGTERM, stop)
        print(f"listening at 127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
        server.server_close()
