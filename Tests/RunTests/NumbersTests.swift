import Foundation
import Testing

/// Numbers that come from outside, at the edges of what arithmetic holds: none ends uwrx otherwise than by a message.
@Suite("numbers at the edge", .serialized)
struct NumbersTests {
  private static let edges = [
    "-1", "0", "2147483648", "4294967295", "4294967296", "4611686018427387904", "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616", "1e308", "",
  ]

  /// Runs a command for each edge, which stands in it as `$n`, two at a time.
  /// - Returns: a line for each that ended otherwise than with success, a limit, or a message and 125.
  private static func each(_ command: String, in directory: String) throws -> String {
    // Of the shell's own `wait` nothing comes where SIGCHLD is blocked, as it is in threads of a test.
    let script = """
      cat > one <<'END'
      n=$1; o="out$2"; \(command) > "$o" 2>&1; s=$?
      case $s in
        0|124|152) ;;
        125) [ -s "$o" ] || echo "$n: no message" ;;
        *) echo "$n: $s $(tail -1 "$o")" ;;
      esac
      END
      i=0; for n in \(edges.map { "'\($0)'" }.joined(separator: " ")); do i=$((i+1)); printf '%s\\0%s\\0' "$n" $i; done |
        xargs -0 -n 2 -P 2 sh ./one
      """
    return try CommandLine.shell(script, in: directory).output
  }

  @Test(
    "an option",
    arguments: [
      "pids", "memory", "timeout", "cpu-time", "file-size", "disk", "open-files", "uid", "gid", "step", "priority",
    ])
  func option(_ name: String) throws {
    try CommandLine.withDirectory { directory in
      let option = name == "priority" ? "--source \"/x:$n=\(directory)\"" : "\"--\(name)=$n\""
      let told = try Self.each(
        "\(CommandLine.binary) run --quiet --system \(option) -- true", in: directory)
      #expect(told == "")
    }
  }

  @Test("the name of a step or an attempt", arguments: ["build/$n", "build/0/$n"])
  func directory(_ place: String) throws {
    try CommandLine.withDirectory { directory in
      let step = place == "build/$n" ? "" : "--step 0"
      let told = try Self.each(
        "mkdir -p \"d$2/\(place)\" && cd \"d$2\" && \(CommandLine.binary) run --quiet --system \(step) -- true",
        in: directory)
      #expect(told == "")
      let used = try CommandLine.run(["run", "--system", "--build", "d4/build", "--", "true"], in: directory)
      if step.isEmpty { #expect(used.status == 125 && used.error.contains("used up"), "\(used.error)") }
    }
  }

  @Test(
    "a field of a tar archive",
    arguments: ["size", "mtime", "uid", "GNU.sparse.realsize", "GNU"])
  func tar(_ field: String) throws {
    try CommandLine.withDirectory { directory in
      try Self.tarMaker.write(toFile: directory + "/make.py", atomically: false, encoding: .utf8)
      let told = try Self.each(
        "python3 make.py \(field) \"$n\" $2.tar && \(CommandLine.binary) run --quiet --system --source /x=tar:$2.tar -- sh -c "
          + "'ls -lsn --time-style=+%s /x; head -c 10 /x/f; tail -c 10 /x/f; (echo >> /x/f) 2>&1; find /x -size +1k; true'",
        in: directory)
      #expect(told == "")
    }
  }

  /// `GNU`: the size of a sparse file in the old header of GNU's.
  private static let tarMaker = #"""
    import io, sys, tarfile
    field, value, name = sys.argv[1:]
    i = tarfile.TarInfo("f"); i.size = 5; i.mode = 0o644
    if field == "GNU":
        try: real = int(value)
        except ValueError: real = 0
        b = bytearray(tarfile.TarInfo("f").tobuf(tarfile.GNU_FORMAT)); n = b"\x80" + (real % (1 << 88)).to_bytes(11, "big")
        b[156:157] = b"S"; b[386:398] = n; b[398:410] = b"%011o\0" % 0; b[483:495] = n; b[148:156] = b" " * 8
        b[148:156] = b"%06o\0 " % sum(b[:512]); open(name, "wb").write(bytes(b[:512]) + bytes(1024)); sys.exit()
    i.pax_headers = {field: value}
    if field.startswith("GNU.sparse"): i.pax_headers.setdefault("GNU.sparse.map", "0,5")
    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as t: t.addfile(i, io.BytesIO(b"hello"))
    """#
}
