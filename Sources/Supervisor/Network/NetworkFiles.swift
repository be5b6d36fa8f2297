import CLinux
import Glibc
import SystemPackage
import Tracing

/// Files of the guest's that tell how names are found, whatever the host's are, or lead to: a source above all others.
enum NetworkFiles {
  /// Below `net` of the trace.
  private static let name = "root"

  /// - Parameter directory: `net` of the trace.
  /// - Returns: the source that they stand in.
  static func make(in directory: String, hostname: String) throws(SupervisorError) -> Source {
    let root = "\(directory)/\(name)"
    let files = [
      ("resolv.conf", "nameserver 10.0.2.3\n"),
      ("hosts", "127.0.0.1\tlocalhost \(hostname)\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
      (
        "nsswitch.conf",
        """
        passwd:         files
        group:          files
        shadow:         files
        gshadow:        files
        hosts:          files dns
        networks:       files
        protocols:      db files
        services:       db files
        ethers:         db files
        rpc:            db files
        netgroup:       nis

        """
      ),
    ]
    do throws(Errno) {
      for path in [root, "\(root)/etc"] where mkdir(path, 0o755) < 0 || chmod(path, 0o755) < 0 {
        throw Errno(rawValue: uwrx_errno())
      }
      for (name, text) in files {
        let path = "\(root)/etc/\(name)"
        try TraceDirectory.write(path, Array(text.utf8))
        if chmod(path, 0o644) < 0 { throw Errno(rawValue: uwrx_errno()) }
      }
    } catch {
      throw SupervisorError("cannot write to \(root): \(error)")
    }
    return Source(destination: "/", priority: .min, hostPath: root)
  }
}
