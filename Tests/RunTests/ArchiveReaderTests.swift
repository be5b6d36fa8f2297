import Foundation
import Testing

/// The child that parses archives: what it may do, and what becomes of a run if it dies.
@Suite("the reader of archives", .serialized)
struct ArchiveReaderTests {
  private static let make = """
    set -e; mkdir -p root/d; for i in 1 2 3 4 5 6 7 8; do seq $i 500 > root/d/f$i; done; ln root/d/f1 root/h; ln -s d/f2 root/l
    truncate -s 1M root/sparse; echo end >> root/sparse; tar -S -C root -cf gnu.tar .; tar -S --format=pax -C root -cf pax.tar .
    gzip -k gnu.tar; xz -0 -k gnu.tar; zstd -q gnu.tar; mksquashfs root a.sqfs -quiet -no-progress
    """

  @Test(
    "it has a filter, and no descriptors but the archive's and its socket; killed, it takes only what it had to bring",
    arguments: ["tar:gnu.tar", "squashfs:a.sqfs"])
  func confined(_ source: String) throws {
    try CommandLine.withDirectory { directory in
      let outcome = try CommandLine.shell(
        """
        \(Self.make)
        mkfifo go; exec 3<> go
        \(CommandLine.binary) run --system --source /x=\(source) -- sh -c \
          'cat /x/d/f1 > /dev/null && echo first; read line; cat /x/d/f2; echo last' < go > out 2>&1 &
        pid=$!
        i=0; until grep -q first out || [ $i -gt 300 ]; do i=$((i+1)); sleep 0.1; done
        for p in $(cat /proc/$pid/task/$pid/children); do
          grep -q 'Seccomp:.2' /proc/$p/status && [ "$(ls /proc/$p/fd | wc -l)" -le 6 ] || continue
          echo "reader $(awk '/NoNewPrivs/ { print $2 }' /proc/$p/status)"; kill -9 $p
        done
        echo >&3
        i=0; while [ -e /proc/$pid/fd/0 ] && [ $i -lt 300 ]; do i=$((i+1)); sleep 0.1; done
        cat out
        """, in: directory)
      #expect(outcome.output.hasPrefix("reader 1\nfirst\n"), "\(outcome.output) \(outcome.error)")
      #expect(outcome.output.contains("Input/output error") && outcome.output.hasSuffix("last\n"), "\(outcome.output)")
    }
  }

  /// By hand: `UWRX_FUZZ=2000 swift test --filter ArchiveReaderTests`.
  private static let rounds = ProcessInfo.processInfo.environment["UWRX_FUZZ"] ?? "12"

  @Test(
    "damaged bytes are one message, or a tree",
    arguments: [
      "gnu.tar", "pax.tar", "gnu.tar.gz", "gnu.tar.xz", "gnu.tar.zst", "a.sqfs", "image/index.json", "image/manifest",
      "image/layer",
    ])
  func fuzz(_ name: String) throws {
    try CommandLine.withDirectory { directory in
      try Self.fuzzer.write(toFile: directory + "/fuzz.py", atomically: false, encoding: .utf8)
      let outcome = try CommandLine.shell(
        "\(Self.make) && python3 fuzz.py \(CommandLine.binary) \(name) \(Self.rounds)", in: directory)
      #expect(outcome.output == "done\n", "\(outcome.output) \(outcome.error)")
    }
  }

  private static let fuzzer = #"""
    import gzip, hashlib, json, os, random, subprocess, sys
    uwrx, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    random.seed(int(os.environ.get("UWRX_FUZZ_SEED", "1")))
    edges = [b"\x00", b"\xff", b"\x80", b"\x7f", b"7", b"9", b"-", b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"9" * 20, b"77777777777"]
    def mutate(b):
        b = bytearray(b)
        if not b: return bytes(b)
        kind = random.randrange(5)
        if kind == 0: return bytes(b[:random.randrange(len(b))])
        for _ in range(random.randrange(1, 6)):
            at = random.randrange(len(b)); e = random.choice(edges)
            if kind == 1: b[at] = random.randrange(256)
            elif kind == 2: b[at:at + len(e)] = e
            elif kind == 3: b[at] ^= 1 << random.randrange(8)
            else:
                n = random.randrange(1, 600); to = random.randrange(len(b)); b[to:to + n] = b[at:at + n]
            # The checksum of a tar header is right all the same.
            if name.endswith(".tar"):
                h = at // 512 * 512
                if h + 512 <= len(b) and b[h + 257:h + 262] == b"ustar":
                    b[h + 148:h + 156] = b" " * 8; b[h + 148:h + 156] = b"%06o\0 " % sum(b[h:h + 512])
        return bytes(b)
    def image(place):
        subprocess.run(["rm", "-rf", "i"]); os.makedirs("i/blobs/sha256")
        change = lambda part, b: mutate(b) if place == part else b
        def blob(b, kind):
            h = hashlib.sha256(b).hexdigest(); open("i/blobs/sha256/" + h, "wb").write(b)
            return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + h, "size": len(b)}
        layer = blob(change("image/layer", gzip.compress(mutate(tar) if place == "image/layer" else tar)), "layer.v1.tar+gzip")
        m = json.dumps({"config": blob(b"{}", "config.v1+json"), "layers": [layer]}).encode()
        m = blob(change("image/manifest", m), "manifest.v1+json")
        open("i/index.json", "wb").write(change("image/index.json", json.dumps({"manifests": [m]}).encode()))
        return "oci:i"
    tar = open("gnu.tar", "rb").read()
    for n in range(rounds):
        if name.startswith("image"): source = image(name)
        else:
            open("x", "wb").write(mutate(open(name, "rb").read())); source = ("squashfs:" if name.endswith("sqfs") else "tar:") + "x"
        p = subprocess.run([uwrx, "run", "--quiet", "--trace", "off", "--system", "--source", "/x=" + source, "--", "sh", "-c",
            "find /x -type f -exec cat {} + > /dev/null 2>&1; ls -lR /x > /dev/null 2>&1; true"], capture_output=True, timeout=120)
        lines = p.stderr.decode("utf8", "replace").splitlines()
        if p.returncode not in (0, 125) or (p.returncode == 125) != (len(lines) == 1) or any(ord(c) < 32 for l in lines for c in l):
            print(n, name, p.returncode, lines); break
    else: print("done")
    """#
}
