import CLinux
import Foundation
import SystemPackage
import Testing

@testable import Tracing

/// Trees that are deeper than paths, descriptors and stacks are.
struct DirectoryWalkTests {
  /// Makes a chain of directories with a file in each, and an empty directory beside it.
  private func makeChain(_ top: String, depth: Int, name: String) {
    var directory = open(top, O_RDONLY | O_DIRECTORY)
    for _ in 0..<depth {
      for other in [name, "e"] { mkdirat(directory, other, 0o755) }
      close(openat(directory, "f", O_CREAT | O_WRONLY, 0o644))
      let next = openat(directory, name, O_RDONLY | O_DIRECTORY)
      close(directory)
      directory = next
    }
    close(directory)
  }

  private func remove(_ top: String) throws {
    let process = try Process.run(URL(fileURLWithPath: "/bin/rm"), arguments: ["-rf", top])
    process.waitUntilExit()
  }

  private func paths(_ top: String, _ failure: DirectoryWalk.Failure = .thrown) throws -> [[UInt8]] {
    var paths: [[UInt8]] = []
    do throws(Errno) {
      try DirectoryWalk.forEach(in: open(top, O_RDONLY | O_DIRECTORY), failure: failure) { entry throws(Errno) in
        paths.append(entry.path)
        var status = stat()
        #expect(fstatat(entry.directory, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        #expect(status.st_ino == entry.status.st_ino)
      }
    } catch { throw error as any Error }
    return paths
  }

  @Test("All of it is found once, a directory before what is in it", arguments: [1, 3, 63, 64, 65, 150])
  func deep(_ depth: Int) throws {
    try withTrace { top in
      defer { try? remove(top) }
      // 150 of them are far longer than a path.
      let name = String(repeating: "n", count: 100)
      makeChain(top, depth: depth, name: name)
      try FileManager.default.createSymbolicLink(atPath: top + "/link", withDestinationPath: ".")
      let found = try paths(top)
      #expect(found.count == 3 * depth + 1 && Set(found).count == found.count)
      #expect(found.contains { $0.count == 101 * depth - 1 })
      for (index, path) in found.enumerated() {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { continue }
        #expect(found[..<index].contains(Array(path[..<slash])))
      }
    }
  }

  @Test("What lies too deep is an error or left out") func tooDeep() throws {
    try withTrace { top in
      defer { try? remove(top) }
      let depth = DirectoryWalk.longestPath / 201 + 10
      makeChain(top, depth: depth, name: String(repeating: "n", count: 200))
      #expect(throws: Errno.fileNameTooLong) { try paths(top) }
      let found = try paths(top, .skipped)
      #expect(!found.isEmpty && found.allSatisfy { $0.count <= DirectoryWalk.longestPath })
    }
  }

  @Test("A path of any length leads to its file") func longPath() throws {
    try withTrace { top in
      defer { try? remove(top) }
      let name = String(repeating: "n", count: 200)
      makeChain(top, depth: 60, name: name)
      for depth in [0, 1, 19, 20, 21, 40, 59] {
        for slash in ["/", "//"] {
          let place = top + String(repeating: slash + name, count: depth) + "/f"
          #expect(LongPath.status(Array(place.utf8) + [0]).map { $0.st_mode & S_IFMT } == S_IFREG, "\(depth)")
        }
        #expect(LongPath.status(Array((top + String(repeating: "/" + name, count: depth) + "/g").utf8) + [0]) == nil)
      }
      #expect(LongPath.status([UInt8](repeating: 0x61, count: 5000) + [0]) == nil)
      #expect(throws: Errno.tooManySymbolicLinkLevels) {
        try FileManager.default.createSymbolicLink(atPath: top + "/l", withDestinationPath: ".")
        let place = top + "/l" + String(repeating: "/" + name, count: 40)
        _ = try LongPath.with(Array(place.utf8) + [0], resolve: 0x04) { _, _ in 0 }
      }
    }
  }
}
