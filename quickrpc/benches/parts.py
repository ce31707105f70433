#!/usr/bin/env python3
"""Which part of the library the instructions of a call go to: the table of ARCHITECTURE.md.

Both ends run under callgrind, once with few exchanges and once with many, so that starting does not count;
what a function does itself is added to the part that its name belongs to. Functions that the compiler has
put into others count where they are. Needs the program that instructions.sh builds, and valgrind.

    quickrpc/benches/instructions.sh --only instructions
    quickrpc/benches/parts.py
    quickrpc/benches/parts.py --codec terse --job batch --functions 20
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / "target/instructions-1/release/quickrpc-bench-instructions"
BATCH = 64
FEW, MANY = BATCH * 50, BATCH * 250

# The first that fits. What is in `std` and in crates of others goes to who needs it most.
PARTS = [
    ("memory: malloc, free, memcpy", r"malloc|_int_free|^free|unlink_chunk|^__mem|alloc_perturb|raw_vec|rust_alloc"),
    ("the clock", r"clock_gettime|Timespec|std::time|Instant"),
    ("writing arguments and results", r"write_str|serialize_|ArgsFor>::encode|wire::jrpc::write|wire::terse::.*write"
        r"|write_pairs|Unsigned>::fmt|itoa|frame_out|Conn>::frame$|encode_result|close_answer|msgpack::(ser|write)"),
    ("reading arguments and results", r"read_args|deserialize|format::text|WireArgs|Invocation::args|target::decode|format::msgpack"),
    ("telling what a telegram is", r"decode_bytes|from_utf8|canonical|wire::(jrpc|terse|msgpack|codec)|envelope"),
    ("table of pending calls, deadlines", r"Calls>::admit|PendingTable|Deadlines|fail_lost|calls::Calls::(answered|offer)"),
    ("promise", r"promise|Promise|Shared|Stage"),
    ("whom a call goes to", r"call::target|call::receivers|with_scratch|Outgoing::add|Outgoing::log|check_running"),
    ("the handler: slot, turn, answer", r"call::(dispatch|answer|mailbox|hear|slot)|Slot::connect|Calls>::handle"),
    ("sending, the queue of a peer", r"conn::sending|Conn::(send|flush)|drop_in_place<alloc.*Conn>|net::send|conn::queue|net::collect|conn::speak|conn::ending|conn::waiting|net::hold"),
    ("receiving, framing, turns of reading", r"net::pump|net::drive|framing|memchr|carrier|conn::reading|wire::cutter|Ear as|recv|read_waiting"),
    ("the poll loop", r"net::poll|mio|epoll|pthread"),
    ("the program that is measured", r"quickrpc_bench|black_box"),
]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--codec", default="jrpc", help="jrpc (the default) or terse")
    options.add_argument("--job", default="serial", choices=["serial", "batch", "notify"],
                         help="one call in flight (the default), batches of 64, or notifications in batches of 64")
    options.add_argument("--functions", type=int, default=0, metavar="N", help="show the N largest functions, too")
    options.add_argument("--program", type=pathlib.Path, default=PROGRAM, help="another build of the program")
    options = options.parse_args()
    if not options.program.exists():
        sys.exit(f"{options.program} is missing; quickrpc/benches/instructions.sh --only instructions builds it")
    ends = [each(options, end) for end in ("client", "server")]
    tables = [by_part(own) for own in ends]
    names = [name for name, _ in PARTS] + ["other"]
    width = max(map(len, names))
    print(f"{options.codec}, {options.job}: instructions of user space for each exchange\n")
    print(f"{'':{width}}  client  server")
    for name in names:
        row = [table.get(name, 0.0) for table in tables]
        if max(row) >= 0.5:
            print(f"{name:{width}}  {row[0]:6.0f}  {row[1]:6.0f}")
    print(f"{'all':{width}}  {sum(tables[0].values()):6.0f}  {sum(tables[1].values()):6.0f}")
    for end, own in zip(("client", "server"), ends):
        for name, count in own.most_common(options.functions):
            print(f"{end} {count:7.1f}  {name[:140]}")


def each(options, end):
    """What each function does for one exchange, at one end."""
    few, many = (run(options, end, count) for count in (FEW, MANY))
    return collections.Counter({name: (many[name] - few[name]) / (MANY - FEW) for name in many})


def by_part(own):
    parts = collections.Counter()
    for name, count in own.items():
        part = next((part for part, names in PARTS if re.search(names, name)), "other")
        parts[part] += count
    return parts


def run(options, end, count):
    with tempfile.TemporaryDirectory() as place:
        out = pathlib.Path(place) / "out"
        tool = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]
        tools = {"client": [], "server": [], end: tool}
        program = str(options.program)
        server = subprocess.Popen([*tools["server"], program, "serve", options.codec],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port = server.stdout.readline().decode().strip()
        client = [*tools["client"], program, "call", options.codec, options.job, str(count), port]
        subprocess.run(client, check=True, stderr=subprocess.DEVNULL, timeout=300)
        server.stdin.close()
        server.wait(timeout=60)
        return functions(out)


def functions(out):
    """The instructions of each function itself, of callgrind's file."""
    names, own = {}, collections.Counter()
    function, is_of_call = None, False
    for line in out.read_text().splitlines():
        name = re.match(r"c?fn=\((\d+)\)(?: (.*))?$", line)
        if name:
            names.setdefault(name[1], name[2])
            if line.startswith("fn="):
                function = name[1]
        elif line.startswith("calls="):
            is_of_call = True
        elif cost := re.match(r"(?:[+-]?\d+|\*) (\d+)$", line):
            # The line behind `calls=` is what the callee has cost.
            if not is_of_call:
                own[function] += int(cost[1])
            is_of_call = False
    return collections.Counter({names[function]: count for function, count in own.items()})


if __name__ == "__main__":
    main()
