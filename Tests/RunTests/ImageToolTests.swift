import Foundation
import Testing

/// Images as the usual tools make them, compared with what one of them unpacks.
@Suite("images of skopeo and umoci", .serialized)
struct ImageToolTests {
  private static let make = """
    set -e
    umoci init --layout base; umoci new --image base:v1; umoci unpack --image base:v1 one; r=one/rootfs
    mkdir -p $r/usr/bin $r/etc/conf.d $r/var/lib $r/gone; ln -s usr/bin $r/bin
    echo tool > $r/usr/bin/tool; chmod 4755 $r/usr/bin/tool; ln $r/usr/bin/tool $r/usr/bin/second
    echo a > $r/etc/conf.d/a; echo b > $r/etc/conf.d/b; echo g > $r/gone/file
    touch -d '1969-01-02 03:04:05.678901234' $r/etc/conf.d/b; mkfifo $r/var/fifo; truncate -s 1M $r/var/lib/sparse
    chown 1000:1000 $r/var/lib
    umoci repack --image base:v1 one
    umoci unpack --image base:v1 two; r=two/rootfs
    rm -rf $r/gone $r/etc/conf.d/a $r/usr/bin/second $r/var/lib
    mkdir $r/var/lib; echo n > $r/var/lib/new; echo more >> $r/bin/tool; ln -s nowhere $r/etc/dangling
    umoci repack --image base:v2 two
    skopeo copy -q --insecure-policy oci:base:v2 oci-archive:archive.tar:v2
    skopeo copy -q --insecure-policy --dest-compress-format zstd oci:base:v2 oci:zstd:v2
    umoci unpack --image base:v2 final
    """

  /// Names, types, modes, owners, sizes, times and targets; the size of a directory is the file system's own business.
  private static let list =
    "find . -printf '%p %y %m %U:%G %s %T@ %l\\n' | sed -E 's/^([^ ]* d [^ ]* [^ ]*) [0-9]* /\\1 - /' | sort; cat bin/tool etc/conf.d/b var/lib/new"

  private static let isPossible =
    geteuid() == 0 && ["umoci", "skopeo"].allSatisfy { access("/usr/bin/" + $0, X_OK) == 0 }

  @Test("a guest sees what is unpacked", .enabled(if: isPossible, "root, umoci and skopeo are needed"))
  func unpacked() throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell(Self.make, in: directory)
      try #require(made.status == 0, "\(made.error)")
      let wanted = try CommandLine.shell("cd final/rootfs; " + Self.list, in: directory)
      #expect(wanted.output.contains("more\n") && !wanted.output.contains("gone"))
      for source in ["base:v2", "archive.tar", "archive.tar:v2", "zstd:v2"] {
        let seen = try CommandLine.run(
          [
            "run", "--quiet", "--system", "--source", "/image=oci:" + source, "--", "sh", "-c",
            "cd /image; " + Self.list,
          ],
          in: directory)
        #expect(seen.output == wanted.output, "\(source): \(seen.error)")
      }
    }
  }
}
