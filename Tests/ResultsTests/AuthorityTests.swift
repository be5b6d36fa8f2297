import Foundation
import Testing

/// A run's own certificate authority does not get to where the host's programs would trust it.
struct AuthorityTests {
  /// What a guest leaves of the certificate, and whether that is it.
  static let files: [(name: String, command: String, holds: Bool)] = [
    ("copy.pem", "cp $ca copy.pem", true),
    ("bundle.crt", "cp /etc/ssl/certs/ca-certificates.crt bundle.crt", true),
    ("certificate.der", "openssl x509 -in $ca -outform DER -out certificate.der", true),
    ("narrow", "grep -v -- - $ca | tr -d '\\n' | fold -w 7 | sed 's/^/  # /; s/$/\\r/' > narrow", true),
    ("line", "grep -v -- - $ca | tr -d '\\n' > line", true),
    (
      "object.json", "python3 -c 'import json, sys; print(json.dumps(open(sys.argv[1]).read()))' $ca > object.json",
      true
    ),
    // Where two parts that are read meet.
    ("meeting", "(head -c 1048300 /dev/zero; openssl x509 -in $ca -outform DER) > meeting", true),
    ("meeting.pem", "(head -c 1048300 /dev/zero | tr '\\0' M; cat $ca) > meeting.pem", true),
    (
      "after-hole",
      "truncate -s 40M after-hole; openssl x509 -in $ca -outform DER >> after-hole; truncate -s 50M after-hole", true
    ),
    ("store.p12", "openssl pkcs12 -export -nokeys -in $ca -certpbe NONE -passout pass: -out store.p12", true),
    ("linked", "cp $ca linked; ln linked other-name", true),
    ("half", "head -n 8 $ca > half", false),
    ("other", "sed 's/^MII/MIJ/' $ca > other", false),
    ("key", "openssl x509 -in $ca -noout -pubkey > key", false),
    ("empty", ": > empty", false),
  ]

  private static func run(_ files: [(name: String, command: String, holds: Bool)], _ options: String = "") -> String {
    let script = files.map(\.command).joined(separator: "\n").replacing("'", with: "'\\''")
    return "$uwrx run --quiet --system --net \(options) -- bash -ec 'ca=/etc/ssl/certs/uwrx-ca.crt\n\(script)'"
  }

  @Test func whatHoldsItIsNamedAndNothingIsApplied() throws {
    try Shell.with { shell in
      let run = try shell.run(Self.run(Self.files))
      #expect(run.status == 0, "\(run)")
      let before = try shell.tree()
      let refused = (Self.files.filter(\.holds).map(\.name) + ["other-name"]).sorted()
      for option in ["", "--dry-run"] {
        let apply = try shell.run("$uwrx apply last \(option)")
        #expect(apply.status == 125, "\(apply)")
        let lines = apply.error.split(separator: "\n").map(String.init)
        #expect(
          lines.dropLast()
            == refused.map {
              "uwrx: \($0): it holds the certificate of the run's own authority, whose key lies in the trace"
            }[...])
        #expect(lines.last == "uwrx: nothing was applied: give the paths that are wanted without these, or --force")
        #expect(apply.output == "")
        #expect(try shell.tree() == before)
      }
      let diff = try shell.run("$uwrx diff last --format json")
      let objects = try diff.output.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      #expect(objects.filter { $0["authority"] as? Bool == true }.compactMap { $0["path"] as? String } == refused)
      let text = try shell.run("$uwrx diff last copy.pem half").output
      #expect(text.components(separatedBy: "not applied: it holds the certificate").count == 2, "\(text)")

      let wanted = Self.files.filter { !$0.holds }.map(\.name).sorted()
      let some = try shell.run("$uwrx apply last \(wanted.joined(separator: " "))")
      #expect(some.status == 0 && some.output == wanted.map { "A\t\($0)\n" }.joined(), "\(some)")
      let forced = try shell.run("$uwrx apply last --force; cmp copy.pem build/last/ca.pem && cmp linked other-name")
      #expect(forced.status == 0, "\(forced)")
      // What is there already is nothing to be applied.
      #expect(try shell.run("$uwrx apply last").status == 0)
      #expect(try shell.run("$uwrx undo last").status == 0)
    }
  }

  @Test func whatHoldsItIsNamedAndNothingIsExported() throws {
    try Shell.with { shell in
      let files = Self.files.filter { ["copy.pem", "linked", "half"].contains($0.name) }
      #expect(try shell.run(Self.run(files)).status == 0)
      for destination in ["--to ../out", "--tar ../out"] {
        let export = try shell.run("$uwrx export last -C . \(destination)")
        #expect(export.status == 125)
        #expect(export.error.contains(" is in copy.pem, linked, other-name; give the paths"), "\(export)")
        #expect(export.error.hasSuffix("or --force\n"))
        #expect(try shell.run("ls ../out").status != 0)
      }
      #expect(try shell.run("$uwrx export last -C . --tar - | wc -c").output == "0\n")
      let some = try shell.run("$uwrx export last half -C . --tar - | tar t")
      #expect(some.output == "half\n", "\(some)")
      let forced = try shell.run("$uwrx export last -C . --force --to ../out; ls ../out")
      #expect(forced.output == "copy.pem\nhalf\nlinked\nother-name\n", "\(forced)")
    }
  }

  /// Of a run that brings its results itself, and of one that stands on another which had a network.
  @Test func aRunThatIsAppliedAtOnce() throws {
    try Shell.with { shell in
      let files = Self.files.filter { $0.name == "copy.pem" || $0.name == "half" }
      let run = try shell.run(Self.run(files, "--apply"))
      #expect(run.status == 125 && run.error.contains("nothing was applied"), "\(run)")
      #expect(try shell.run("ls").output == "build\n")
      let later = try shell.run("$uwrx run --quiet --parent last --apply -- bash -c 'cp copy.pem more; echo 1 > less'")
      #expect(later.status == 125 && later.error.contains("more: it holds"), "\(later)")
      #expect(try shell.run("ls").output == "build\n")
      #expect(try shell.run("$uwrx apply last less; ls").output == "A\tless\nbuild\nless\n")
    }
  }
}
