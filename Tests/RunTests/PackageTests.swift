import Foundation
import Testing

/// A Debian package whose scripts make a user, give files away and change who they are goes into the guest, and nothing of
/// it onto the host.
@Suite("Packages", .serialized)
struct PackageTests {
  private static let build = """
    mkdir -p p/DEBIAN p/usr/share/uwrx-hello admin/info admin/updates admin/triggers; echo hi > p/usr/share/uwrx-hello/data
    printf 'Package: uwrx-hello\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: n <n@example.com>\\nDescription: d\\n' \\
      > p/DEBIAN/control
    cat > p/DEBIAN/postinst <<'S'
    #!/bin/sh
    set -e
    useradd -r -M uwrxhello
    chown uwrxhello: /usr/share/uwrx-hello/data; chmod 4640 /usr/share/uwrx-hello/data
    setpriv --reuid $(id -u uwrxhello) --regid $(id -g uwrxhello) --clear-groups sh -c \\
      'id -un; cat /usr/share/uwrx-hello/data; ! cat /etc/shadow 2>/dev/null; ! touch /usr/share/uwrx-hello/new 2>/dev/null'
    S
    sed -i 's/^    //' p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst; : > admin/status; : > admin/available
    echo 'root:*:19000:0:99999:7:::' > shadow; chmod 600 shadow; mkdir log build
    dpkg-deb -b p hello.deb
    """
  private static let sources = "--source /var/lib/dpkg=admin --source /etc/shadow=shadow --source /var/log=log"

  private static let sample = """
    set -e; umask 022; mkdir -p p/DEBIAN p/usr/bin build
    printf 'Package: uwrx-sample\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: n <n@example.com>\\nDescription: d\\n' > p/DEBIAN/control
    printf '#!/bin/sh\\necho sample\\n' > p/usr/bin/uwrx-sample; chmod 755 p/usr/bin/uwrx-sample
    printf '#!/bin/sh\\nset -e\\nldconfig\\nid -u > /var/lib/uwrx-sample\\n' > p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst
    dpkg-deb -b p sample.deb
    """

  struct Installation: Sendable, CustomTestStringConvertible {
    let user: Int
    let command: String
    var testDescription: String { "\(command) as \(user)" }
    static let all = (getuid() == 0 ? [0, 1000] : [Int(getuid())]).flatMap { user in
      ["dpkg -i ./sample.deb", "apt-get install -y ./sample.deb"].map { Installation(user: user, command: $0) }
    }
  }

  @Test("a package goes into the host's tree, with what the host has installed", arguments: Installation.all)
  func installOnHost(_ installation: Installation) throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell(Self.sample, in: directory)
      #expect(made.status == 0, "\(made.error)")
      let user = installation.user
      let become = user == 0 || getuid() != 0 ? "" : "setpriv --reuid \(user) --regid \(user) --clear-groups"
      let prepare =
        become.isEmpty ? "uwrx=\(CommandLine.binary)" : "cp \(CommandLine.binary) uwrx; chown -R \(user) .; uwrx=./uwrx"
      // As an ordinary user's is.
      let outcome = try CommandLine.shell(
        """
        \(prepare); export PATH=/usr/local/bin:/usr/bin:/bin HOME=$PWD DEBIAN_FRONTEND=noninteractive
        \(become) $uwrx run --quiet --system -- sh -c '
        \(installation.command) > log 2>&1 || { cat log; exit 1; }
        uwrx-sample; cat /var/lib/uwrx-sample; dpkg -s uwrx-sample dpkg | grep ^Status; ls /var/run/ /srv/ > /dev/null
        echo x > /var/tmp/x && echo x > /srv/x && mkdir /var/lib/mine /var/log/mine /var/cache/mine /var/spool/mine /var/run/mine && echo written'
        """, in: directory)
      #expect(
        outcome.output == "sample\n0\nStatus: install ok installed\nStatus: install ok installed\nwritten\n",
        "\(outcome.error)")
      #expect(!FileManager.default.fileExists(atPath: "/usr/bin/uwrx-sample"))
      #expect(try String(contentsOfFile: "/var/lib/dpkg/status", encoding: .utf8).contains("uwrx-sample") == false)
    }
  }

  @Test("dpkg -i, as root and as an ordinary user", arguments: getuid() == 0 ? [0, 1000] : [Int(getuid())])
  func install(_ user: Int) throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell("set -e; umask 022; \(Self.build)", in: directory)
      #expect(made.status == 0, "\(made.error)")
      let become = user == 0 || getuid() != 0 ? "" : "setpriv --reuid \(user) --regid \(user) --clear-groups"
      // An ordinary user must be able to reach the binary.
      let prepare =
        become.isEmpty ? "uwrx=\(CommandLine.binary)" : "cp \(CommandLine.binary) uwrx; chown -R \(user) .; uwrx=./uwrx"
      let script = "set -e; dpkg -i hello.deb; stat -c '%U %a' /usr/share/uwrx-hello/data; dpkg -s uwrx-hello | head -2"
      let outcome = try CommandLine.shell(
        "\(prepare); \(become) $uwrx run --system \(Self.sources) -- sh -c \"\(script)\"", in: directory)
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(outcome.output.contains("uwrxhello\nhi\n"), "\(outcome.output)")
      #expect(
        outcome.output.hasSuffix("uwrxhello 4640\nPackage: uwrx-hello\nStatus: install ok installed\n"),
        "\(outcome.output)")
      #expect(!FileManager.default.fileExists(atPath: "/usr/share/uwrx-hello"))
      #expect(try String(contentsOfFile: "/etc/passwd", encoding: .utf8).contains("uwrxhello") == false)

      let later = try CommandLine.shell(
        "\(prepare); \(become) $uwrx run --system --trust-parent --parent build/0/0 -- stat -c '%U %a' /usr/share/uwrx-hello/data",
        in: directory)
      #expect(later.output == "uwrxhello 4640\n", "\(later.error)")
    }
  }
}
