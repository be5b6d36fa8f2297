import Foundation
import Testing

/// Services as Debian starts them, by the guest's root who becomes their user, in directories that `--system` has.
@Suite("Services", .serialized)
struct ServiceTests {
  @Test(
    "a cluster of postgres is made, started, asked and stopped",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pg_createcluster")),
    arguments: getuid() == 0 ? [0, 1000] : [Int(getuid())])
  func postgres(_ user: Int) throws {
    try CommandLine.withDirectory { directory in
      let script = """
        set -e; version=$(ls /usr/lib/postgresql | sort -n | tail -1)
        { pg_createcluster "$version" mine -p 5499 -- -A trust; pg_ctlcluster "$version" mine start; } > log 2>&1 || { cat log; exit 1; }
        psql -h /var/run/postgresql -p 5499 -U postgres -A -t -c "select 6 * 7"
        pg_ctlcluster "$version" mine stop -m fast; pg_lsclusters -h | grep -w mine | tr -s " " | cut -d " " -f 3-5
        """
      let become = user == 0 || getuid() != 0 ? "" : "setpriv --reuid \(user) --regid \(user) --clear-groups"
      let prepare =
        become.isEmpty ? "uwrx=\(CommandLine.binary)" : "cp \(CommandLine.binary) uwrx; chown -R \(user) .; uwrx=./uwrx"
      let outcome = try CommandLine.shell(
        """
        \(prepare); export PATH=/usr/local/bin:/usr/bin:/bin HOME=$PWD LC_ALL=C.UTF-8
        \(become) $uwrx run --quiet --system -- sh -c '\(script)'
        """, in: directory)
      #expect(outcome.output == "42\n5499 down postgres\n", "\(outcome.error)")
    }
  }
}
