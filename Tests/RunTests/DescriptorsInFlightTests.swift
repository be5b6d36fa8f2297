import Foundation
import Testing

/// unix(7): what a user's processes have sent and nobody has received yet counts against each sender's limit of open files (ETOOMANYREFS).
@Suite("Descriptors in flight")
struct DescriptorsInFlightTests {
  /// More of them than the limit that the guest's command gets. The user is nobody else's, who would see it.
  private static let flood = """
    import os, resource, socket, subprocess, sys
    own = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(own[1], 8192), own[1]))
    file, pairs = os.open("/dev/null", os.O_RDONLY), []
    for _ in range(12):
        pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        socket.send_fds(pairs[-1][0], [b"x"], [file] * 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, own)
    sys.exit(subprocess.run(sys.argv[1:]).returncode)
    """

  @Test(
    "of another program of the user's keep no run from its start", .enabled(if: geteuid() == 0),
    arguments: ["--reproducible", "--open-files 100"])
  func another(_ option: String) throws {
    try CommandLine.withDirectory { directory in
      try Self.flood.write(toFile: directory + "/flood.py", atomically: false, encoding: .utf8)
      let outcome = try CommandLine.shell(
        """
        cp \(CommandLine.binary) uwrx; chmod 777 .; export HOME=$PWD
        exec setpriv --reuid 54321 --regid 54321 --clear-groups --bounding-set=-all python3 flood.py \\
          timeout 60 ./uwrx run --system \(option) --build build -- sh -c 'ulimit -Sn'
        """, in: directory)
      #expect(outcome.output == (option == "--reproducible" ? "1024\n" : "100\n"), "\(outcome.error)")
      #expect(outcome.status == 0)
    }
  }
}
